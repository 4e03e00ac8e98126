/** `npm start` as its user sees it: what it prints, how it stops, what it says when it cannot start. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
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

it.concurrent('prints URLs and tokens that work, and stops on SIGINT with exit code 0', async () => {
  const run = await startUp();
  expect(await run.get('/health')).toEqual({ status: 'ok' });
  const client = await connect(run.wsUrl, authorized(run.alice));
  expect(JSON.parse(await client.next())).toMatchObject({ event: 'ready', userId: 'alice' });
  expect((await publish(run.httpUrl, 'first')).status).toBe(200);
  run.child.kill('SIGINT');
  expect((await client.closed).code).toBe(1001);
  expect(await run.ended).toMatchObject({ code: 0, stderr: '\nStopping …\n' });
});

it.concurrent('has after kill -9 and a restart with --data all that was answered', async () => {
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

it.concurrent('--quiet keeps the log of the Lambdas to itself', async () => {
  const run = await startUp(['--quiet']);
  await publish(run.httpUrl, 'first');
  run.child.kill('SIGTERM');
  const { stdout } = await run.ended;
  expect(stdout.trimEnd().endsWith(`}'`)).toBe(true);
});

it.concurrent('--help prints every option and ends well', async () => {
  const { code, stdout } = await start(['--help']).ended;
  expect(code).toBe(0);
  for (const option of ['--port', '--data', '--idle-seconds', '--max-connection-seconds', '--quiet']) {
    expect(stdout).toContain(option);
  }
});

const ONE_LINE = /^[^\n]+\n$/;

it.concurrent.each([
  [['--port', 'x'], '--port is "x", expected an integer from 0 to 65535'],
  [['--port', '65536'], '--port is "65536"'],
  [['--idle-seconds', '0'], '--idle-seconds is "0"'],
  [['--max-connection-seconds', '1.5'], '--max-connection-seconds is "1.5"'],
  [['--data', ''], '--data is empty'],
  [['--nonsense'], "Unknown option '--nonsense'"],
  [['nonsense'], 'nonsense'],
  [['--port'], '--port'],
])('%j is refused with one line and exit code 1', async (args, message) => {
  const { code, stdout, stderr } = await start(args).ended;
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(ONE_LINE);
  expect(stderr).toContain(message);
});

it.concurrent('a port in use is told in one line', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const { code, stderr } = await start(['--port', String(port)]).ended;
  other.close();
  expect(code).toBe(1);
  expect(stderr).toBe(`Port ${port} is in use: choose another with --port, or --port 0 for any free one\n`);
});

it.concurrent('a data directory that cannot be is told in one line', async () => {
  const file = join(await newDir(), 'file');
  await writeFile(file, '');
  const { code, stderr } = await start(['--port', '0', '--data', file]).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(ONE_LINE);
  expect(stderr).toContain(file);
});
