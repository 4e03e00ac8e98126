/** The stories of `herald demo`: what is promised, told and checked on a local stack. */
import { isDeepStrictEqual, styleText } from 'node:util';
import type { ClientMessage } from '../../lambdas/protocol/frames.ts';
import { Client } from './client.ts';
import { type SpawnedStack, spawnStack } from './spawn.ts';
import { issueToken, readJwtSecret } from './token.ts';

const say = (text: string) => console.log(`\n${styleText('bold', text)}`);
const tell = (who: string, text: string) => console.log(`  ${styleText('cyan', who.padEnd(13))} ${text}`);

/** One line of the story that must be so. */
function expect(what: string, actual: unknown, expected: unknown): void {
  const holds = isDeepStrictEqual(actual, expected);
  console.log(`  ${holds ? styleText('green', '✓') : styleText('red', '✗')} ${what}`);
  if (holds) return;
  throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
}

async function device({ wsUrl }: SpawnedStack, userId: string, deviceId: string): Promise<Client> {
  const client = await Client.open(wsUrl, { token: issueToken(userId, readJwtSecret()), deviceId });
  const { cursor, head } = await client.event('ready');
  await client.caughtUp();
  tell(`${userId}/${deviceId}`, `connected; acknowledged ${cursor} of ${head}`);
  return client;
}

interface Result {
  seq: number;
  sent: number;
  excluded: number;
}

async function publish({ httpUrl }: SpawnedStack, text: string, fromDevice?: string): Promise<Result> {
  const response = await fetch(`${httpUrl}/notifications`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(fromDevice && { 'x-device-id': fromDevice }) },
    body: JSON.stringify({ to: { user: 'alice' }, type: 'chat.message', data: { text } }),
  });
  if (!response.ok) throw new Error(`publish: ${response.status} ${await response.text()}`);
  const { results } = (await response.json()) as { results: [Result] };
  const [{ seq, sent, excluded }] = results;
  tell('a service', `"${text}" to alice${fromDevice ? `, caused by her ${fromDevice}` : ''}: seq ${seq}`);
  return { seq, sent, excluded };
}

const texts = (messages: ClientMessage[]) => messages.map(({ data }) => (data as { text: string }).text);

async function story(stack: SpawnedStack): Promise<void> {
  say('Alice has a phone and a laptop. Bob has a phone.');
  const phone = await device(stack, 'alice', 'phone');
  const laptop = await device(stack, 'alice', 'laptop');
  const bob = await device(stack, 'bob', 'phone');

  say('Her laptop causes a message: only her phone hears it.');
  expect('one device told, one left out', await publish(stack, 'sent from my laptop', 'laptop'), {
    seq: 1,
    sent: 1,
    excluded: 1,
  });
  const live = await phone.event('message');
  tell('alice/phone', `live: seq ${live.seq}, ${JSON.stringify(live.data)}`);
  expect('the phone heard it', texts(phone.messages), ['sent from my laptop']);

  say('The phone goes offline, and three messages arrive.');
  await phone.vanish();
  const missed = ['one', 'two', 'three'];
  for (const text of missed) await publish(stack, text);
  await laptop.until(() => laptop.messages.length >= missed.length, 'three live messages');
  expect('the laptop heard them, and never its own', texts(laptop.messages), missed);

  say('The phone comes back.');
  const back = await device(stack, 'alice', 'phone');
  for (const { seq, data } of back.messages)
    tell('alice/phone', `replayed: seq ${seq}, ${JSON.stringify(data)}`);
  expect('it caught up, in order, each once', texts(back.messages), missed);
  expect('bob heard nothing', bob.messages, []);

  await Promise.all([back.close(), laptop.close(), bob.close()]);
}

/** What a device has heard of a topic, live or replayed. */
const heardOf = (client: Client, channel: string): ClientMessage[] =>
  client.frames.flatMap((frame) => {
    if (frame.event === 'message') return frame.channel === channel ? [frame] : [];
    return frame.event === 'replay' && frame.channel === channel ? frame.messages : [];
  });

async function member(stack: SpawnedStack, method: 'PUT' | 'DELETE', userId: string): Promise<void> {
  const response = await fetch(`${stack.httpUrl}/topics/news/members/${userId}`, { method });
  if (!response.ok) throw new Error(`members: ${response.status} ${await response.text()}`);
  tell('a service', method === 'PUT' ? `made ${userId} a member of news` : `removed ${userId} from news`);
}

async function announce({ httpUrl }: SpawnedStack, text: string): Promise<void> {
  const response = await fetch(`${httpUrl}/notifications`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ to: { topic: 'news' }, type: 'chat.message', data: { text } }),
  });
  if (!response.ok) throw new Error(`publish: ${response.status} ${await response.text()}`);
  tell('a service', `"${text}" to the topic news`);
}

async function storyOfTopic(stack: SpawnedStack): Promise<void> {
  const news = 'topic:news';
  const hears = (client: Client, count: number) =>
    client.until(() => heardOf(client, news).length >= count, `${count} messages of news`);

  say('The topic news has three members: carol, dave and erin. Dave is away.');
  for (const userId of ['carol', 'dave', 'erin']) await member(stack, 'PUT', userId);
  const carol = await device(stack, 'carol', 'phone');
  const erin = await device(stack, 'erin', 'phone');
  await announce(stack, 'first');
  await Promise.all([hears(carol, 1), hears(erin, 1)]);
  expect(
    'carol and erin heard it live',
    [carol, erin].map((one) => texts(heardOf(one, news))),
    [['first'], ['first']],
  );

  say('Erin is removed.');
  await member(stack, 'DELETE', 'erin');
  await announce(stack, 'second');
  await hears(carol, 2);
  expect('erin hears nothing after that was answered', texts(heardOf(erin, news)), ['first']);

  say('Dave comes back.');
  const dave = await device(stack, 'dave', 'phone');
  await hears(dave, 2);
  expect('he has all since he joined, in order, each once', texts(heardOf(dave, news)), ['first', 'second']);

  await Promise.all([carol.close(), dave.close(), erin.close()]);
}

/** Rejects when anything differs from the stories. */
export async function tellStory(): Promise<void> {
  const stack = await spawnStack();
  try {
    await story(stack);
    await storyOfTopic(stack);
    say(styleText('green', 'All of it as promised.'));
  } catch (error) {
    throw new Error(`Not as promised: ${error instanceof Error ? error.message : error}`, { cause: error });
  } finally {
    await stack.stop();
  }
}
