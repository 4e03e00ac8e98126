/** What the commands of topics ask of a stack, and what they print of its answers. A server in the test stands for the stack. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import jwt from 'jsonwebtoken';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { runCommand } from '../../../local/cli/dispatch.ts';

interface Asked {
  method: string | undefined;
  path: string | undefined;
  body: unknown;
}

const asked: Asked[] = [];
let answers: unknown[] = [];
const server = createServer(async (request, response) => {
  const body = await text(request);
  asked.push({
    method: request.method,
    path: request.url,
    body: body === '' ? undefined : JSON.parse(body),
  });
  response.end(JSON.stringify(answers.shift()));
});
let url = '';

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  url = `http://127.0.0.1:${address.port}`;
});
afterAll(() => server.close());

let printed: string[] = [];
beforeEach(() => {
  printed = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
  asked.length = 0;
});

/** Runs the command against a stack that gives these answers, one after the other. */
async function run(words: string[], ...given: unknown[]): Promise<void> {
  answers = given;
  await runCommand([...words, '--url', url]);
}

const counts = { duplicate: false, connections: 4, sent: 3, excluded: 1, gone: 0, deferred: 0, queued: 8 };
const sentTo = (channel: string) => ({ id: '1', results: [{ channel, seq: 7, ...counts }] });

it('send --topic names the topic, the origin and the collapse key, and tells what is left to the fan-out', async () => {
  const origin = ['--except-user', 'alice', '--except', 'phone'];
  await run(
    ['send', '--topic', 'news', '--type', 'article', '--collapse-key', 'score', ...origin],
    sentTo('topic:news'),
  );
  expect(asked).toEqual([
    {
      method: 'POST',
      path: '/notifications',
      body: {
        to: { topic: 'news' },
        type: 'article',
        data: null,
        collapseKey: 'score',
        excludeUserId: 'alice',
        excludeDeviceId: 'phone',
      },
    },
  ]);
  expect(printed).toEqual([
    'topic:news  #7  posted to 3 of 4 connections, 1 excluded, about 8 more by the fan-out',
  ]);
});

it('send --everyone goes to everyone', async () => {
  await run(['send', '--everyone', '--type', 'notice', '--data', '"hello"'], sentTo('everyone'));
  expect(asked.map(({ body }) => body)).toEqual([{ to: { everyone: true }, type: 'notice', data: 'hello' }]);
  expect(printed[0]).toMatch(/^everyone {2}#7 /);
});

it.each([
  ['add', { userId: 'alice', added: true }, 'alice  is a member'],
  ['remove', { userId: 'alice', removed: true }, 'alice  is no member'],
])('members %s changes several users with one request', async (action, result, line) => {
  await run(['members', action, 'news', 'alice', 'bob'], { results: [result] });
  expect(asked).toEqual([
    {
      method: 'POST',
      path: '/topics/news/members',
      body: { [action]: ['alice', 'bob'] },
    },
  ]);
  expect(printed).toEqual([line]);
});

it('members tells who could not be added, and fails', async () => {
  const error = { code: 'too_many_topics', message: 'a member of 100 topics' };
  const running = run(['members', 'add', 'news', 'alice', 'bob'], {
    results: [
      { userId: 'alice', added: true },
      { userId: 'bob', error },
    ],
  });
  await expect(running).rejects.toThrow('1 of 2 users failed');
  expect(printed).toEqual(['alice  is a member', 'bob  a member of 100 topics']);
});

it('members list reads on to the last page', async () => {
  await run(
    ['members', 'list', 'news'],
    { members: [{ userId: 'alice', joinedAt: 0 }], next: 'a b' },
    { members: [{ userId: 'bob', joinedAt: 1000 }] },
  );
  expect(asked.map(({ path }) => path)).toEqual(['/topics/news/members', '/topics/news/members?next=a+b']);
  expect(printed).toEqual(['alice  since 1970-01-01T00:00:00.000Z', 'bob  since 1970-01-01T00:00:01.000Z']);
});

it('members list tells that there are none; with --json it prints the answer only', async () => {
  await run(['members', 'list', 'news'], { members: [] });
  await run(['members', 'list', 'news', '--json'], { members: [] });
  expect(printed).toEqual(['no members', '{"members":[]}']);
});

it('topics prints those of each user', async () => {
  const topics = [{ topic: 'news', joinedAt: 0 }];
  await run(['topics', 'alice', 'müller/'], { topics }, { topics: [] });
  expect(asked.map(({ path }) => path)).toEqual(['/users/alice/topics', '/users/~bcO8bGxlci8/topics']);
  expect(printed).toEqual(['alice  news  since 1970-01-01T00:00:00.000Z', 'müller/  no topics']);
});

it.each([
  [['--topic', 'news'], '/topics/news/messages?after=3', 'news'],
  [['--everyone'], '/everyone/messages?after=3', 'everyone'],
])('history %s prints what is kept of it', async (words, path, name) => {
  const messages = [{ seq: 4, type: 'note', sentAt: 0, data: 'x' }];
  await run(['history', ...words, '--after', '3'], { messages, through: 4, head: 4 });
  expect(asked.map((one) => one.path)).toEqual([path]);
  expect(printed).toEqual([`${name}  #4  1970-01-01T00:00:00.000Z  note  "x"`]);
});

it('token puts the patterns into the claim', async () => {
  await runCommand([
    ...['token', 'alice', '--subscribe', 'topic:orders.*', '--subscribe', 'topic:news'],
    ...['--publish', 'topic:team.7'],
  ]);
  const claims = jwt.decode(printed[0] ?? '');
  expect(claims).toMatchObject({
    sub: 'alice',
    herald: { subscribe: ['topic:orders.*', 'topic:news'], publish: ['topic:team.7'] },
  });
});

it('token without patterns allows nothing', async () => {
  await runCommand(['token', 'alice']);
  expect(jwt.decode(printed[0] ?? '')).not.toHaveProperty('herald');
});
