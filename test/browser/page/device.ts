/** Runs in a page, a frame or a worker: one device, as the query says, and all it surfaces, for the test to read. */
import { inbox } from '../../../client/inbox.ts';
import { connect, type Herald, type KeyValueStorage, type Status } from '../../../client/index.ts';

/** What a test asks for. */
export interface DeviceQuery {
  user: string;
  /** @default made up by the library and kept in the storage */
  deviceId?: string;
  /** Without it, the position lives as long as the page. */
  storage?: keyof typeof STORAGES;
  /** JSON. */
  timing?: string;
  /** Whether there is an inbox. */
  inbox?: 'yes';
  /** Topics to listen to, with commas between. */
  topics?: string;
  /** @default a fresh one whenever it is asked for */
  token?: string;
}

/** What a test reads and sets, as globals of the page. */
export interface Page {
  herald: Herald;
  seqs: number[];
  /** What was surfaced of each topic. */
  topicSeqs: Record<string, number[]>;
  states: Status['state'][];
  errors: string[];
  /** All texts of statuses and errors. */
  texts: string[];
  /** Whose tokens the page gets from now on. Null: it is signed out, and gets none. */
  signedInAs: string | null;
}

interface Platform {
  location: { host: string; search: string };
  localStorage: KeyValueStorage & Record<string, string>;
}

const page = globalThis as unknown as Platform & Page;
const query = Object.fromEntries(new URLSearchParams(page.location.search)) as unknown as DeviceQuery;
const never = new Promise<never>(() => {});

const STORAGES = {
  local: () => page.localStorage,
  /** The quota is used up, to the last letter. */
  full: () => {
    for (let length = 2 ** 22; length >= 1; ) {
      try {
        page.localStorage[`filler ${length} ${Math.random()}`] = 'x'.repeat(length);
      } catch {
        length /= 2;
      }
    }
    return page.localStorage;
  },
  throws: () => ({
    getItem: () => page.localStorage.getItem('is denied in a sandbox'),
    setItem: () => {
      throw new Error('denied');
    },
  }),
  hangs: () => ({ getItem: () => never, setItem: () => never }),
};

async function freshToken(): Promise<string> {
  if (page.signedInAs === null) throw new Error('signed out');
  const response = await fetch(`/console/token?user=${encodeURIComponent(page.signedInAs)}`);
  return ((await response.json()) as { token: string }).token;
}

page.seqs = [];
page.topicSeqs = {};
page.states = [];
page.errors = [];
page.texts = [];
page.signedInAs = query.user;
page.herald = connect(`ws://${page.location.host}/local`, {
  token: query.token === undefined ? freshToken : async () => query.token ?? '',
  deviceId: query.deviceId,
  storage: query.storage && STORAGES[query.storage](),
  timing: JSON.parse(query.timing ?? '{}'),
  inbox: query.inbox && inbox,
});
page.herald.on('message', ({ seq }) => page.seqs.push(seq));
for (const topic of query.topics?.split(',') ?? []) {
  const seqs: number[] = [];
  page.topicSeqs[topic] = seqs;
  page.herald.topic(topic).on('message', ({ seq }) => seqs.push(seq));
}
page.herald.on('status', (status) => {
  page.states.push(status.state);
  page.texts.push(JSON.stringify(status));
});
page.herald.on('error', (error) => {
  page.errors.push(error.code);
  page.texts.push(String(error));
});
