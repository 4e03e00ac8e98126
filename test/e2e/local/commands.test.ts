/** The commands a newcomer types, as processes of their own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SECRET, Target } from '../target.ts';

const target = new Target();

const script = (name: string) => fileURLToPath(new URL(`../../../local/cli/${name}.ts`, import.meta.url));

function start(name: string, args: string[]) {
  const child = spawn(process.execPath, [script(name), ...args], {
    env: { ...process.env, HERALD_JWT_SECRET: SECRET, NO_COLOR: '1' },
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  return { child, output };
}

async function run(name: string, ...args: string[]) {
  const { child, output } = start(name, args);
  const [exitCode] = await once(child, 'close');
  return { exitCode, ...output };
}

describe('npm run demo', () => {
  it('tells the story and exits 0', async () => {
    const { exitCode, stdout, stderr } = await run('demo');
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(stdout.match(/✓/g)).toHaveLength(5);
    expect(stdout).toContain('All of it as promised.');
  });
});

describe('npm run herald', () => {
  it('listens, sends, and prints what came', async () => {
    const user = target.newUser();
    const { child, output } = start('cli', ['listen', user, '--device', 'phone', '--url', target.wsUrl]);
    const printed = async (text: string) => {
      while (!output.stdout.includes(text)) await once(child.stdout, 'data');
    };
    await printed('replay');
    const sent = await run(
      'cli',
      'send',
      user,
      '--type',
      'greeting',
      '--data',
      '{"n":1}',
      '--url',
      target.httpUrl,
    );
    expect(JSON.parse(sent.stdout)).toMatchObject({ results: [{ userId: user, seq: 1, sent: 1 }] });
    await printed('"type":"greeting","data":{"n":1}');
    child.kill();
  });

  it('makes tokens the stack takes', async () => {
    const user = target.newUser();
    const { stdout } = await run('cli', 'token', user, '--seconds', '60');
    const device = await target.open(user, { token: stdout.trim() });
    expect(await device.event('ready')).toMatchObject({ userId: user });
  });

  it.each([
    ['an unknown command', ['dance', 'alice'], 'unknown command "dance"'],
    ['no user', ['token'], 'user is missing'],
    ['no device', ['listen', 'alice'], '--device is missing'],
    ['a bad type', ['send', 'alice', '--type', 'not a type'], '--type is "not a type"'],
    ['data that is not JSON', ['send', 'alice', '--type', 't', '--data', '{'], '--data is {'],
    ['a bad option', ['send', 'alice', '--typ', 't'], "Unknown option '--typ'"],
    ['a bad URL', ['send', 'alice', '--type', 't', '--url', 'nowhere'], '--url is "nowhere"'],
    ['nobody there', ['send', 'alice', '--type', 't', '--url', 'http://127.0.0.1:1'], 'cannot be reached'],
  ])('answers %s with one line and exit 1', async (_name, args, line) => {
    const { exitCode, stderr } = await run('cli', ...args);
    expect(exitCode).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(line)]);
  });
});

describe('npm start', () => {
  it.each([
    ['a bad option', ['--prot', '1'], '--prot'],
    ['a bad port', ['--port', 'x'], '--port'],
    ['a bad duration', ['--port', '0', '--idle-seconds', '-1'], '--idle-seconds'],
    ['a data directory that cannot be', ['--port', '0', '--data', '/dev/null/x'], '/dev/null/x'],
  ])('answers %s with one line and exit 1', async (_name, args, line) => {
    const { exitCode, stderr } = await run('main', ...args);
    expect(exitCode).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(line)]);
  });

  it('answers a port in use with one line and exit 1', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const { exitCode, stderr } = await run('main', '--port', String(address.port));
    server.close();
    expect(exitCode).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(String(address.port))]);
  });

  it('prints what a newcomer needs, and stops on Ctrl-C', async () => {
    const { child, output } = start('main', ['--port', '0']);
    while (!/curl .*notifications/s.test(output.stdout)) await once(child.stdout, 'data');
    expect(output.stdout).toMatch(/ws:\/\/127\.0\.0\.1:\d+\/local/);
    child.kill('SIGINT');
    const [exitCode] = await once(child, 'close');
    expect(exitCode).toBe(0);
  });
});
