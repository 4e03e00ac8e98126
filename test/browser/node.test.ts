/** The client library in Node, with Node's own WebSocket, against the same stack as the browser. */
import { afterEach, expect, it } from 'vitest';
import { connect, type Herald, type Options } from '../../client/index.ts';
import { issueToken, readJwtSecret } from '../../local/cli/token.ts';
import { range, Stage } from './stage.ts';

const stage = new Stage([], { browser: false });
const open = new Set<Herald>();

afterEach(async () => {
  for (const herald of open) await herald.close();
  open.clear();
});

function device(user: string, options: Partial<Options> = {}): Herald {
  const token = () => issueToken(user, readJwtSecret());
  const herald = connect(stage.wsUrl, { token, deviceId: 'server', ...options });
  open.add(herald);
  return herald;
}

const isLive = (herald: Herald): Promise<void> =>
  new Promise((resolve, reject) => {
    herald.on('status', ({ state }) => state === 'live' && resolve());
    herald.on('error', reject);
  });

it('iterates over what comes live and, after a restart, what was missed, each once and in order', async () => {
  const user = stage.newUser();
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key),
    setItem: (key: string, value: string) => kept.set(key, value),
  };
  const first = device(user, { storage });
  await isLive(first);
  const publishing = stage.publishMany(user, 20);
  const seen: number[] = [];
  for await (const { seq } of first.messages()) if (seen.push(seq) === 10) break;
  await first.close();
  await publishing;

  for await (const { seq } of device(user, { storage }).messages()) if (seen.push(seq) === 20) break;

  expect(seen).toEqual(range(1, 20));
});

it('says that the token may be refused: Node does not tell more', async () => {
  const herald = device(stage.newUser(), { token: 'nonsense', timing: { backoffCapMs: 10 } });
  const problem = new Promise((resolve) =>
    herald.on('status', (status) => status.state !== 'connecting' && resolve(status)),
  );
  expect(await problem).toMatchObject({ message: expect.stringContaining('refused') });
});
