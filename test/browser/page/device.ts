/** Runs in the page: one device, as its query says, and all it surfaces, for the test to read. */
import { connect, type Herald, type KeyValueStorage, type Status } from '../../../client/index.ts';

/** What a test asks for. */
export interface DeviceQuery {
  user: string;
  /** @default made up by the library and kept in the storage */
  deviceId?: string;
  /** Without it, the position lives as long as the page. */
  storage?: 'local';
  /** JSON. */
  timing?: string;
}

/** What a test reads, as globals of the page. */
export interface Page {
  herald: Herald;
  seqs: number[];
  states: Status['state'][];
}

interface Platform {
  location: { host: string; search: string };
  localStorage: KeyValueStorage;
}

const page = globalThis as unknown as Platform & Page;
const query = Object.fromEntries(new URLSearchParams(page.location.search)) as unknown as DeviceQuery;

async function freshToken(): Promise<string> {
  const response = await fetch(`/console/token?user=${encodeURIComponent(query.user)}`);
  return ((await response.json()) as { token: string }).token;
}

page.seqs = [];
page.states = [];
page.herald = connect(`ws://${page.location.host}/local`, {
  token: freshToken,
  deviceId: query.deviceId,
  storage: query.storage && page.localStorage,
  timing: JSON.parse(query.timing ?? '{}'),
});
page.herald.on('message', ({ seq }) => page.seqs.push(seq));
page.herald.on('status', ({ state }) => page.states.push(state));
