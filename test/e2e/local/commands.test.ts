/** The commands a newcomer types, as processes of their own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Command } from '../../../local/cli/command.ts';
import { COMMANDS } from '../../../local/cli/commands.ts';
import { helpOf } from '../../../local/cli/help.ts';
import { SECRET, Target } from '../target.ts';

const target = new Target();

const CLI = fileURLToPath(new URL('../../../local/cli/cli.ts', import.meta.url));

function start(args: string[], input?: string) {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CLI, ...args], {
    env: { ...process.env, HERALD_JWT_SECRET: SECRET, NO_COLOR: '1' },
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  child.stdin.end(input);
  const printed = async (text: string | RegExp) => {
    const has = () => (typeof text === 'string' ? output.stdout.includes(text) : text.test(output.stdout));
    while (!has()) await once(child.stdout, 'data');
  };
  return { child, output, printed };
}

async function run(args: string[], input?: string) {
  const { child, output } = start(args, input);
  const [exitCode] = await once(child, 'close');
  return { exitCode, ...output };
}

const oneLine = (stderr: string, line: string) =>
  expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(line)]);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-commands-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('npm run demo', () => {
  it('tells the story and exits 0', async () => {
    const { exitCode, stdout, stderr } = await run(['demo']);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(stdout.match(/✓/g)).toHaveLength(8);
    expect(stdout).toContain('All of it as promised.');
  });
});

describe('help', () => {
  it('lists every command', async () => {
    const { exitCode, stdout } = await run(['--help']);
    expect(exitCode).toBe(0);
    for (const [name, { summary }] of Object.entries(COMMANDS))
      expect(stdout).toMatch(new RegExp(`^  ${name} +${escaped(summary)}$`, 'm'));
  });

  it('is asked for behind the command too', async () => {
    const { exitCode, stdout } = await run(['send', 'alice', '--help']);
    expect([exitCode, stdout]).toEqual([0, helpOf('send', COMMANDS.send as Command)]);
  });
});

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

it('ends without a word when nobody reads what it prints any more, as behind | head', async () => {
  const { child, output } = start(['--help']);
  child.stdout.destroy();
  const [exitCode] = await once(child, 'close');
  expect([exitCode, output.stderr]).toEqual([141, '']);
});

describe('npm run herald', () => {
  const http = () => ['--url', target.httpUrl];

  it('listens, sends, and prints what came', async () => {
    const user = target.newUser();
    const listening = start(['listen', user, '--device', 'phone', '--url', target.wsUrl]);
    await listening.printed('replay');
    const sent = await run([
      ...['send', user, '--type', 'greeting', '--data', '{"n":1}', '--json'],
      ...http(),
    ]);
    expect(JSON.parse(sent.stdout)).toMatchObject({ results: [{ userId: user, seq: 1, sent: 1 }] });
    await listening.printed('"type":"greeting","data":{"n":1}');
    listening.child.kill();
  });

  it('listens as several users, with a device made up, a line of JSON for each frame', async () => {
    const [one, other] = [target.newUser(), target.newUser()];
    const listening = start(['listen', one, other, '--json', '--url', target.wsUrl]);
    const readyOf = (user: string) => new RegExp(`{"userId":"${user}".*"event":"ready"`);
    for (const user of [one, other]) await listening.printed(readyOf(user));
    const [line = ''] = listening.output.stdout.split('\n');
    expect(JSON.parse(line)).toMatchObject({ deviceId: expect.stringMatching(/^cli-[0-9a-f]{8}$/) });
    listening.child.kill();
  });

  it('sends to several users, and prints a line for each', async () => {
    const [one, other] = [target.newUser(), target.newUser()];
    const { exitCode, stdout } = await run(['send', one, other, '--type', 'greeting', ...http()]);
    expect(exitCode).toBe(0);
    expect(stdout).toBe([one, other].map((user) => `${user}  #1  posted to 0 of 0 connections\n`).join(''));
  });

  it('adds members, sends to their topic and to everyone, and tells what is kept', async () => {
    const [one, other] = [target.newUser(), target.newUser()];
    const topic = target.newTopic();
    const added = await run(['members', 'add', topic, one, other, ...http()]);
    expect(added.stdout).toBe(`${one}  is a member\n${other}  is a member\n`);
    const listening = start(['listen', one, '--device', 'phone', '--topic', topic, '--url', target.wsUrl]);
    await listening.printed('subscribed');
    const sent = await run(['send', '--topic', topic, '--type', 'article', '--data', '"hello"', ...http()]);
    expect(sent.stdout).toBe(`topic:${topic}  #1  posted to 1 of 1 connections\n`);
    await listening.printed('"type":"article"');
    listening.child.kill();
    await run(['members', 'remove', topic, other, ...http()]);
    const listed = await run(['members', 'list', topic, ...http()]);
    expect(listed.stdout).toMatch(new RegExp(`^${one}  since .*\n$`));
    expect((await run(['topics', one, other, ...http()])).stdout).toMatch(
      new RegExp(`^${one}  ${topic}  since .*\n${other}  no topics\n$`),
    );
    const kept = await run(['history', '--topic', topic, ...http()]);
    expect(kept.stdout).toContain(`${topic}  #1  `);
    const all = await run(['send', '--everyone', '--type', 'notice', ...http()]);
    expect(all.stdout).toMatch(/^everyone {2}#\d+ {2}posted to /);
  });

  it('sends data from a file and from standard input, and keeps it as long as it is told', async () => {
    const user = target.newUser();
    const file = join(folder, 'order.json');
    await writeFile(file, '{"from":"file"}');
    await run(['send', user, '--type', 't', '--data', `@${file}`, ...http()]);
    await run(
      ['send', user, '--type', 't', '--data', '-', '--retention', '60', ...http()],
      '{"from":"stdin"}',
    );
    const { stdout } = await run(['history', user, '--json', ...http()]);
    expect(JSON.parse(stdout)).toMatchObject({
      messages: [{ data: { from: 'file' } }, { data: { from: 'stdin' } }],
    });
  });

  it('a message sent again with its id is not published twice', async () => {
    const user = target.newUser();
    const args = ['send', user, '--type', 't', '--id', 'order-1', ...http()];
    await run(args);
    expect((await run(args)).stdout).toBe(`${user}  #1  was published before\n`);
  });

  it('prints the history page by page', async () => {
    const user = target.newUser();
    await target.publishAll(user, [1, 2, 3]);
    const first = await run(['history', user, '--limit', '2', ...http()]);
    expect(first.stdout).toMatch(/#1 .* test {2}1\n.*#2 .* test {2}2\n.*--after 2; the newest is #3\n$/);
    const rest = await run(['history', user, '--after', '2', ...http()]);
    expect(rest.stdout).toMatch(/^\S+ {2}#3 .* test {2}3\n$/);
  });

  it('prints the inbox newest first, with what is unread, and marks it', async () => {
    const user = target.newUser();
    await target.publishAll(user, [1, 2, 3]);
    const inbox = (...args: string[]) => run(['inbox', user, ...args, ...http()]);
    const read = (...args: string[]) => run(['read', user, ...args, ...http()]);
    expect((await read('--seqs', '3')).stdout).toBe(`${user}  read through #0, and #3; 2 unread\n`);
    const newest = await inbox('--limit', '2');
    expect(newest.stdout).toMatch(
      / {4}#3 .* test {2}3\n.* {2}\* #2 .* test {2}2\n.*go on with --before 2\n.* {2}2 unread\n$/,
    );
    const rest = await inbox('--before', '2');
    expect(rest.stdout).toMatch(/^\S+ {2}\* #1 .* test {2}1\n\S+ {2}2 unread\n$/);
    expect((await read('--through', '2')).stdout).toBe(`${user}  read through #3; 0 unread\n`);
    expect((await read('--unread', '1,3')).stdout).toBe(`${user}  read through #0, and #2; 2 unread\n`);
    expect(JSON.parse((await inbox('--json')).stdout)).toMatchObject({
      messages: [{ read: false }, { read: true }, { read: false }],
      unread: 2,
    });
    oneLine(
      (await read('--through', '9')).stderr,
      'refused (400): through: expected a seq up to the head, which is',
    );
    expect((await run(['inbox', target.newUser(), ...http()])).stdout).toMatch(/^\S+ {2}0 unread\n$/);
  });

  it('takes a message back, by its seq or its id', async () => {
    const user = target.newUser();
    await target.publish(user, 'wrong');
    await target.publish(user, 'wrong too', { id: 'order-2' });
    const withdraw = (...args: string[]) => run(['withdraw', user, ...args, ...http()]);
    expect((await withdraw('--seq', '1')).stdout).toBe(`${user}  #1 withdrawn\n`);
    expect((await withdraw('--id', 'order-2')).stdout).toBe(`${user}  #2 withdrawn\n`);
    expect((await withdraw('--seq', '1')).stdout).toBe(`${user}  withdrawn before\n`);
    expect(JSON.parse((await withdraw('--seq', '1', '--json')).stdout)).toEqual({ withdrawn: [] });
    expect((await run(['history', user, ...http()])).stdout).toBe(`${user}  no messages\n`);
    expect((await withdraw()).stderr).toContain('expected --seq or --id');
    expect((await withdraw('--seq', '9')).stderr).toContain('refused (404): seq: no message');
  });

  it('erases a user, and only if it is told to', async () => {
    const user = target.newUser();
    await target.publishAll(user, [1, 2, 3]);
    expect((await run(['erase', user, ...http()])).stderr).toContain('cannot be undone: say --yes');
    // Three messages and their head.
    expect((await run(['erase', user, '--yes', ...http()])).stdout).toBe(`${user}  erased: 4 rows
`);
    expect((await run(['history', user, ...http()])).stdout).toBe(`${user}  no messages
`);
    const again = await run(['erase', user, '--yes', '--json', ...http()]);
    expect(JSON.parse(again.stdout)).toEqual({ erased: 0, more: false });
  });

  it('tells who is connected, and cuts one device', async () => {
    const user = target.newUser();
    const [phone, laptop] = [await target.device(user, 'phone'), await target.device(user, 'laptop')];
    const { stdout } = await run(['presence', user, ...http()]);
    for (const device of ['phone', 'laptop']) expect(stdout).toContain(`${user}  ${device}  connected since`);
    const revoked = await run(['revoke', user, '--device', 'phone', ...http()]);
    expect(revoked.stdout).toBe(`${user}  1 connection closed\n`);
    await phone.closed;
    expect(await phone.event('bye')).toMatchObject({ code: 'revoked' });
    expect(laptop.frames.some(({ event }) => event === 'bye')).toBe(false);
  });

  it('names any user, whatever stands in the id', async () => {
    const user = `${target.newUser()}/müller?x=%2F#`;
    await target.publish(user, 1);
    const { stdout } = await run(['history', user, ...http()]);
    expect(stdout).toContain(`${user}  #1  `);
  });

  it('finds the stack by what cdk deploy wrote', async () => {
    const user = target.newUser();
    const file = join(folder, 'out.json');
    await writeFile(
      file,
      JSON.stringify({ Herald: { WebSocketUrl: target.wsUrl, HttpUrl: target.httpUrl } }),
    );
    const { stdout } = await run(['presence', user, '--outputs', file]);
    expect(stdout).toBe(`${user}  no connections, no devices\n`);
  });

  it('makes tokens the stack takes', async () => {
    const user = target.newUser();
    const { stdout } = await run(['token', user, '--seconds', '60']);
    const device = await target.open(user, { token: stdout.trim() });
    expect(await device.event('ready')).toMatchObject({ userId: user });
  });

  it('says what the stack refuses, field by field', async () => {
    const data = `[${'['.repeat(600)}${']'.repeat(600)}]`;
    const { exitCode, stderr } = await run(['send', 'alice', '--type', 't', '--data', data, ...http()]);
    expect(exitCode).toBe(1);
    oneLine(stderr, 'refused (400): data: expected at most 500 levels of nesting');
  });

  it('sends numbers as they are written', async () => {
    const send = (data: string) =>
      run(['send', 'alice', '--type', 't', '--id', 'n', '--data', data, ...http()]);
    oneLine((await send('[1e400]')).stderr, 'data[0]: expected a number that a double can hold');
    expect((await send('9007199254740993')).exitCode).toBe(0);
    oneLine((await send('9007199254740992')).stderr, 'another payload');
  });

  it('says what is wrong with a token', async () => {
    const args = ['listen', 'alice', '--token', 'nonsense', '--url', target.wsUrl];
    const { exitCode, stderr } = await run(args);
    expect(exitCode).toBe(1);
    oneLine(stderr, 'refused the connection with 401: the token has expired or is not one of this stack');
  });

  it('answers what it cannot do with one line and exit 1', async () => {
    const { exitCode, stderr } = await run(['send', 'alice', '--typ', 't']);
    expect(exitCode).toBe(1);
    oneLine(stderr, "Unknown option '--typ'; see herald send --help");
  });
});

describe('npm start', () => {
  it('answers a data directory that cannot be with one line and exit 1', async () => {
    const { exitCode, stderr } = await run(['start', '--port', '0', '--data', '/dev/null/x']);
    expect(exitCode).toBe(1);
    oneLine(stderr, '/dev/null/x');
  });

  it('answers a port in use with one line and exit 1', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const { exitCode, stderr } = await run(['start', '--port', String(address.port)]);
    server.close();
    expect(exitCode).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(String(address.port))]);
  });

  it('prints what a newcomer needs, and stops on Ctrl-C', async () => {
    const { child, output } = start(['start', '--port', '0']);
    while (!/curl .*notifications/s.test(output.stdout)) await once(child.stdout, 'data');
    expect(output.stdout).toMatch(/ws:\/\/127\.0\.0\.1:\d+\/local/);
    child.kill('SIGINT');
    const [exitCode] = await once(child, 'close');
    expect(exitCode).toBe(0);
  });
});
