/** `npm start` as its user sees it: what it prints, what it keeps, how it stops. What it refuses is in test/local/cli. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { connect } from './emulator/support.ts';

const ROOT = join(import.meta.dirname, '../..');
const running = new Set<ChildProcess>();
const dirs: string[] = [];

afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(dirs.map((dir) => rm(dir, { recursive: true, force: true })));
});

async function newDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'herald-'));
  dirs.push(dir);
  return dir;
}

function start(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['local/cli/cli.ts', 'start', ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (text) => {
    output.stdout += text;
  });
  child.stderr.on('data', (text) => {
    output.stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => {
    running.delete(child);
    return { code: code as number | null, ...output };
  });
  return { child, output, ended };
}

/** Starts on any free port and returns what the newcomer reads. */
async function startUp(args: string[] = []) {
  const run = start(['--port', '0', ...args]);
  const found = (pattern: RegExp) => pattern.exec(run.output.stdout)?.[1] ?? '';
  await Promise.race([
    run.ended.then(({ stderr }) => Promise.reject(new Error(stderr))),
    new Promise<void>((resolve) => run.child.stdout.on('data', () => found(/(curl .*\n.*}')/) && resolve())),
  ]);
  const get = async (path: string) => (await fetch(httpUrl + path)).json();
  const httpUrl = found(/Requests +(\S+)/);
  return { ...run, httpUrl, wsUrl: found(/WebSockets +(\S+)/), alice: found(/alice +(\S+)/), get };
}

const publish = (httpUrl: string, id: string) =>
  fetch(`${httpUrl}/notifications`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ to: { user: 'alice' }, type: 'greeting', data: { text: 'hello' }, id }),
  });

const authorized = (token: string) => ({
  headers: { Authorization: `Bearer ${token}`, 'X-Device-Id': 'phone' },
});

it('prints URLs and tokens that work, and stops on SIGINT with exit code 0', async () => {
  const run = await startUp();
  expect(await run.get('/health')).toEqual({ status: 'ok' });
  const client = await connect(run.wsUrl, authorized(run.alice));
  expect(JSON.parse(await client.next())).toMatchObject({ event: 'ready', userId: 'alice' });
  expect((await publish(run.httpUrl, 'first')).status).toBe(200);
  run.child.kill('SIGINT');
  expect((await client.closed).code).toBe(1001);
  expect(await run.ended).toMatchObject({ code: 0, stderr: '\nStopping …\n' });
});

it('has after kill -9 and a restart with --data all that was answered', async () => {
  const args = ['--data', await newDir()];
  const first = await startUp(args);
  await connect(first.wsUrl, authorized(first.alice));
  await publish(first.httpUrl, 'before');
  first.child.kill('SIGKILL');
  await first.ended;

  const second = await startUp(args);
  const { messages } = (await second.get('/users/alice/messages')) as { messages: { id: string }[] };
  expect(messages.map(({ id }) => id)).toEqual(['before']);
  const client = await connect(second.wsUrl, authorized(second.alice));
  expect(JSON.parse(await client.next())).toMatchObject({ event: 'ready', head: 1 });
  second.child.kill('SIGTERM');
  expect((await second.ended).code).toBe(0);
});

it('--quiet keeps the log of the Lambdas to itself', async () => {
  const run = await startUp(['--quiet']);
  await publish(run.httpUrl, 'first');
  run.child.kill('SIGTERM');
  const { stdout } = await run.ended;
  expect(stdout.trimEnd().endsWith(`}'`)).toBe(true);
});

it('its tokens have the issuer and the audience that the stack asks for', async () => {
  const run = await startUp(['--issuer', 'https://id.example', '--audience', 'app', '--quiet']);
  const client = await connect(run.wsUrl, authorized(run.alice));
  expect(JSON.parse(await client.next())).toMatchObject({ event: 'ready', userId: 'alice' });
  run.child.kill('SIGTERM');
  await run.ended;
});

it('prints no token where none of ours would work', async () => {
  const provider = ['--issuer', 'https://id.example', '--jwks-url', 'https://id.example/jwks.json'];
  const run = await startUp(provider);
  expect(run.output.stdout).toContain('https://id.example/jwks.json');
  expect(run.output.stdout).not.toMatch(/eyJ/);
  expect(await run.get('/console/token?user=alice')).toMatchObject({
    message: expect.stringContaining('none'),
  });
  run.child.kill('SIGTERM');
  await run.ended;
});

const DEADLINE_MS = 15_000;

/** What the stack prints once it has delivered a message. */
async function printedOnDelivery(args: string[], expected: RegExp): Promise<string> {
  const run = await startUp(args);
  const client = await connect(run.wsUrl, authorized(run.alice));
  while (!(await client.next()).includes('"replay"')); // from here on messages come live
  await publish(run.httpUrl, 'first');
  const printed = () => run.output.stdout + run.output.stderr;
  await expect.poll(printed, { timeout: DEADLINE_MS }).toMatch(expected);
  run.child.kill('SIGTERM');
  await run.ended;
  return printed();
}

it('prints a readable line for each delivery', async () => {
  const delivered = /delivered.*userId=alice deviceId=phone frame=message type=greeting seq=1/;
  expect(await printedOnDelivery([], delivered)).not.toMatch(/^\{/m);
});

it('prints JSON when it is asked to', async () => {
  await printedOnDelivery(['--json-logs'], /^\{.*"deviceId":"phone","frame":"message"/m);
});

it('names that every object has are names like others, in headers, members and paths', async () => {
  const run = await startUp(['--quiet']);
  const post = async (body: string, headers: Record<string, string> = {}) =>
    (await fetch(`${run.httpUrl}/notifications`, { method: 'POST', headers, body })).status;
  const notification =
    '{"to":{"user":"__proto__"},"type":"constructor","data":{"__proto__":1,"constructor":{}}}';
  expect(await post(notification, { constructor: 'x', ['__proto__']: 'y' })).toBe(200);
  for (const name of ['constructor', '__proto__', 'toString'])
    expect(await post(`{"to":{"user":"alice","${name}":1},"type":"t","${name}":1}`)).toBe(400);
  const statuses = ['/users/__proto__/messages', '/users/constructor/connections', '/users/%zz/messages'].map(
    async (path) => (await fetch(run.httpUrl + path)).status,
  );
  expect(await Promise.all(statuses)).toEqual([200, 200, 400]);
  run.child.kill('SIGTERM');
  expect((await run.ended).stderr).not.toContain('failed');
});
