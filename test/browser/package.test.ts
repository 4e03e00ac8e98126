/** The client library in somebody else's empty project: packed, installed, imported from TypeScript and JavaScript, connected. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { issueToken, readJwtSecret } from '../../local/cli/token.ts';
import { Stage } from './stage.ts';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const stage = new Stage([], { browser: false });
let project = '';

/** The `node` that runs us, for npm too. */
const env = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };
const inProject = (program: string, ...args: string[]) =>
  run(program, args, { cwd: project, env, timeout: 60_000 });

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'herald-client-'));
  await write('package.json', JSON.stringify({ name: 'empty', type: 'module' }));
  const pack = ['pack', '--silent', '--pack-destination', project];
  await run('npm', pack, { cwd: ROOT, env });
  await run('npm', [...pack, '--ignore-scripts', join(ROOT, 'node_modules/@standard-schema/spec')], { env });
  const tarballs = (await readdir(project))
    .filter((name) => name.endsWith('.tgz'))
    .map((name) => `./${name}`);
  const offline = ['--offline', '--legacy-peer-deps', '--no-audit', '--no-fund'];
  await inProject('npm', 'install', ...offline, ...tarballs);
  // No types of Node: a browser has none.
  await symlink(join(ROOT, 'node_modules/valibot'), join(project, 'node_modules/valibot'), 'junction');
}, 120_000);
afterAll(() => rm(project, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFile(join(project, name), text);

/** Connects, prints the first message and closes. */
const PROGRAM = `
const [url = '', token = ''] = process.argv.slice(2);
const herald = connect(url, { token, deviceId: 'server' });
for await (const { seq, data } of herald.messages()) {
  console.log(seq, JSON.stringify(data));
  break;
}
await herald.close();
`;

it.each([
  ['app.js', `import { connect } from 'herald/client';${PROGRAM}`],
  [
    'app.ts',
    `import { connect, type Message } from 'herald/client';\nconst none: Message[] = [];\n${PROGRAM}none.pop();`,
  ],
])('%s imports it, connects, gets a message and ends by itself', async (name, text) => {
  await write(name, text);
  const user = stage.newUser();
  await stage.publish(user, { orderId: 7 });
  const { stdout } = await inProject(process.execPath, name, stage.wsUrl, issueToken(user, readJwtSecret()));
  expect(stdout).toBe('1 {"orderId":7}\n');
});

const TYPED = `
import { connect, HeraldError, type Status } from 'herald/client';
import { defineMessageTypes } from 'herald/message-types';
import { number, object } from 'valibot';

const messageTypes = defineMessageTypes({
  'order.shipped': { data: object({ orderId: number() }), retentionSeconds: 60 },
  'order.noted': {},
});
const herald = connect<typeof messageTypes>('wss://example.com/prod', {
  token: async () => 'token',
  storage: localStorage,
});
herald.on('message', (message) => {
  if (message.type === 'order.shipped') console.log(message.data.orderId.toFixed());
  // @ts-expect-error: no such type
  if (message.type === 'order.lost') console.log(message);
  // @ts-expect-error: the data of another type is not known
  if (message.type === 'order.noted') console.log(message.data.orderId);
});
herald.on('status', (status: Status) => status.state === 'waiting' && console.log(status.retryAt));
herald.on('error', (error) => console.log(error instanceof HeraldError, error.code));
// @ts-expect-error: no such event
herald.on('massage', () => {});
`;

it.each(['nodenext', 'bundler'])('its types infer the data of each message type: %s', async (resolution) => {
  await write('typed.ts', TYPED);
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  const kind = [
    '--module',
    resolution === 'bundler' ? 'esnext' : resolution,
    '--moduleResolution',
    resolution,
  ];
  const strict = ['--strict', '--noEmit', '--target', 'es2022', '--lib', 'es2023,dom', '--types', ''];
  const { stdout } = await inProject(process.execPath, tsc, ...kind, ...strict, 'typed.ts').catch(
    (failure: { stdout: string }) => failure,
  );
  expect(stdout).toBe('');
});
