/** Topics, members and everyone: what holds of a user's channel holds of every channel. */
import { describe, expect, it } from 'vitest';
import type { ReplayFrame, ServerFrame } from '../../lambdas/protocol/frames.ts';
import { userPath } from '../../lambdas/protocol/user-path.ts';
import type { Client } from '../../local/cli/client.ts';
import { Target } from './target.ts';

const target = new Target();

const memberPath = (topic: string, user: string) => `/topics/${topic}/members/${userPath(user)}`;
const join = async (topic: string, user: string) => {
  const { status, body } = await target.request<Record<string, unknown>>('PUT', memberPath(topic, user));
  expect(status).toBe(200);
  return body;
};
const leave = async (topic: string, user: string) => {
  const { status } = await target.request('DELETE', memberPath(topic, user));
  expect(status).toBe(204);
};

const heard = (client: Client, channel: string) =>
  client.frames.flatMap((frame) => {
    if (frame.event === 'message' && frame.channel === channel) return [frame];
    return frame.event === 'replay' && frame.channel === channel ? frame.messages : [];
  });

const dataOf = (client: Client, channel: string) => heard(client, channel).map(({ data }) => data);

/** Resolves when the client has heard so many messages of a channel. */
const hears = (client: Client, channel: string, count: number) =>
  client.until(() => heard(client, channel).length >= count, `${count} messages of ${channel}`, 30_000);

const answerTo = (client: Client, ref: string) =>
  client.frame(
    (frame): frame is Extract<ServerFrame, { ref?: string }> => 'ref' in frame && frame.ref === ref,
    `the answer to ${ref}`,
  );

async function subscribed(client: Client, topic: string, more: Record<string, unknown> = {}) {
  const ref = `sub-${Math.random()}`;
  client.send({ action: 'subscribe', channel: `topic:${topic}`, ref, ...more });
  return await answerTo(client, ref);
}

const subscriber = async (user: string, deviceId: string, topic: string) => {
  const token = target.tokenWith(user, { subscribe: [`topic:${topic}`] });
  return await target.device(user, deviceId, { token, ack: 'client' });
};

describe('a topic', () => {
  it('reaches whoever subscribes, from when that was answered, and nobody else', async () => {
    const topic = target.newTopic();
    const channel = `topic:${topic}`;
    const [alice, bob] = [target.newUser('alice'), target.newUser('bob')];
    const phone = await subscriber(alice, 'phone', topic);
    const other = await subscriber(bob, 'phone', topic);
    expect(await subscribed(phone, topic)).toMatchObject({
      event: 'subscribed',
      channel,
      head: 0,
      cursor: 0,
    });
    expect(await target.publishTo({ topic }, 'hello')).toMatchObject({ channel, seq: 1, sent: 1, queued: 0 });
    await hears(phone, channel, 1);
    expect(heard(other, channel)).toEqual([]);
  });

  it('brings a device that was away what it missed, in order and once, whether it heard live or not', async () => {
    const topic = target.newTopic();
    const channel = `topic:${topic}`;
    const user = target.newUser();
    const before = await subscriber(user, 'phone', topic);
    await subscribed(before, topic);
    await target.publishTo({ topic }, 1);
    await hears(before, channel, 1);
    before.send({ action: 'ack', acks: [{ channel, seq: 1 }] });
    before.send({ action: 'ping' });
    await before.event('pong');
    await before.vanish();
    for (const data of [2, 3, 4]) await target.publishTo({ topic }, data);
    const back = await subscriber(user, 'phone', topic);
    expect(await subscribed(back, topic, { after: 1 })).toMatchObject({ head: 4, cursor: 1 });
    await hears(back, channel, 3);
    expect(dataOf(back, channel)).toEqual([2, 3, 4]);
  });

  it('may be heard and published to only as the token allows', async () => {
    const topic = target.newTopic();
    const user = target.newUser();
    const token = target.tokenWith(user, { publish: [`topic:${topic}`] });
    const client = await target.device(user, 'phone', { token });
    expect(await subscribed(client, topic)).toMatchObject({ event: 'error', code: 'forbidden' });
    client.send({ action: 'publish', ref: 'p', to: { topic }, type: 'note', data: { a: 1 } });
    expect(await answerTo(client, 'p')).toMatchObject({
      event: 'published',
      results: [{ channel: `topic:${topic}`, seq: 1, duplicate: false }],
    });
    client.send({ action: 'publish', ref: 'no', to: { everyone: true }, type: 'note' });
    expect(await answerTo(client, 'no')).toMatchObject({ event: 'error', code: 'forbidden' });
  });

  it('is not told to the device that caused a message, nor to all devices of a user if it says so', async () => {
    const topic = target.newTopic();
    const channel = `topic:${topic}`;
    const [alice, bob] = [target.newUser('alice'), target.newUser('bob')];
    const phone = await subscriber(alice, 'phone', topic);
    const laptop = await subscriber(alice, 'laptop', topic);
    const others = await subscriber(bob, 'phone', topic);
    for (const client of [phone, laptop, others]) await subscribed(client, topic);
    await target.publishTo({ topic }, 'of the phone', { excludeUserId: alice, excludeDeviceId: 'phone' });
    await target.publishTo({ topic }, 'of alice', { excludeUserId: alice });
    await target.publishTo({ topic }, 'of a tab', { excludeUserId: alice, excludeDeviceId: 'laptop/7f3a' });
    await hears(phone, channel, 1);
    await hears(laptop, channel, 2);
    await hears(others, channel, 3);
    expect(dataOf(phone, channel)).toEqual(['of a tab']);
    expect(dataOf(laptop, channel)).toEqual(['of the phone', 'of a tab']);
    expect(heard(laptop, channel)).toMatchObject([{}, { origin: '7f3a' }]);
    expect(heard(others, channel).every((message) => !('origin' in message))).toBe(true);
  });

  it('is not heard any more once `unsubscribed` was answered', async () => {
    const topic = target.newTopic();
    const channel = `topic:${topic}`;
    const client = await subscriber(target.newUser(), 'phone', topic);
    await subscribed(client, topic);
    client.send({ action: 'unsubscribe', channel, ref: 'u' });
    expect(await answerTo(client, 'u')).toEqual({
      event: 'unsubscribed',
      channel,
      code: 'requested',
      ref: 'u',
    });
    expect(await target.publishTo({ topic }, 'late')).toMatchObject({ connections: 0 });
    client.send({ action: 'sync', channel, ref: 's' });
    expect(await answerTo(client, 's')).toMatchObject({ event: 'error', code: 'not_subscribed' });
  });
});

describe('a member of a topic', () => {
  it('hears it without asking, from when it joined, on open connections and on those that come back', async () => {
    const topic = target.newTopic();
    const channel = `topic:${topic}`;
    const user = target.newUser();
    await target.publishTo({ topic }, 'before');
    const open = await target.device(user, 'phone', { ack: 'client' });
    expect(await join(topic, user)).toMatchObject({ topic, userId: user, joinedSeq: 1 });
    expect(await open.event('subscribed')).toMatchObject({ channel, head: 1, cursor: 1 });
    await target.publishTo({ topic }, 'after');
    await hears(open, channel, 1);
    await open.vanish();
    await target.publishTo({ topic }, 'away');
    const back = await target.device(user, 'phone', { ack: 'client' });
    expect((await back.event('ready')).subscriptions).toContainEqual(
      expect.objectContaining({ channel, head: 3, cursor: 1 }),
    );
    await hears(back, channel, 2);
    expect(dataOf(back, channel)).toEqual(['after', 'away']);
    back.send({ action: 'sync', channel, after: 0, ref: 's' });
    await back.until(
      () => back.frames.filter((frame) => frame.event === 'replay' && frame.channel === channel).length >= 2,
      'the replay of the sync',
    );
    expect(dataOf(back, channel)).not.toContain('before');
  });

  it('hears nothing that is published after its removal was answered, live or later', async () => {
    const topic = target.newTopic();
    const channel = `topic:${topic}`;
    const user = target.newUser();
    const client = await target.device(user, 'phone', { ack: 'client' });
    await join(topic, user);
    await client.event('subscribed');
    await target.publishTo({ topic }, 'as a member');
    await hears(client, channel, 1);
    await leave(topic, user);
    expect(await client.event('unsubscribed')).toMatchObject({ channel, code: 'removed' });
    expect(await target.publishTo({ topic }, 'secret')).toMatchObject({ connections: 0 });
    client.send({ action: 'sync', channel, after: 0, ref: 's' });
    expect(await answerTo(client, 's')).toMatchObject({ event: 'error', code: 'not_subscribed' });
    await client.vanish();
    const back = await target.device(user, 'phone', { ack: 'client' });
    expect((await back.event('ready')).subscriptions.map((one) => one.channel)).not.toContain(channel);
    expect(dataOf(back, channel)).toEqual([]);
  });

  it('is listed, by topic and by user, and changed in one request for several', async () => {
    const topic = target.newTopic();
    const [alice, bob] = [target.newUser('alice'), target.newUser('bob')];
    const changed = await target.request('POST', `/topics/${topic}/members`, { add: [alice, bob] });
    expect(changed).toMatchObject({
      status: 200,
      body: {
        results: [
          { userId: alice, added: true },
          { userId: bob, added: true },
        ],
      },
    });
    const mine = await target.request<{ topics: { topic: string }[] }>(
      'GET',
      `/users/${userPath(alice)}/topics`,
    );
    expect(mine.body.topics.map((one) => one.topic)).toEqual([topic]);
    await target.request('POST', `/topics/${topic}/members`, { remove: [bob] });
    const after = await target.request<{ topics: unknown[] }>('GET', `/users/${userPath(bob)}/topics`);
    expect(after.body.topics).toEqual([]);
    const wrong = await target.request('POST', `/topics/${topic}/members`, { add: [''], remove: 'bob' });
    expect(wrong).toMatchObject({ status: 400 });
  });
});

describe('everyone', () => {
  it('is heard by every connection, anonymous ones too, and made up for to who was away', async () => {
    const [alice, bob] = [target.newUser('alice'), target.newUser('bob')];
    const phone = await target.device(alice, 'phone', { ack: 'client' });
    const anonymous = await target.device(bob, undefined as unknown as string);
    const data = target.newUser('broadcast');
    const sent = await target.publishTo({ everyone: true }, data);
    for (const client of [phone, anonymous])
      await client.until(() => dataOf(client, 'everyone').includes(data), 'the broadcast');
    phone.send({ action: 'ack', acks: [{ channel: 'everyone', seq: sent.seq }] });
    phone.send({ action: 'ping' });
    await phone.event('pong');
    await phone.vanish();
    const missed = `${data}-missed`;
    await target.publishTo({ everyone: true }, missed);
    const back = await target.device(alice, 'phone', { ack: 'client' });
    await back.until(() => dataOf(back, 'everyone').includes(missed), 'the broadcast that was missed');
    expect(dataOf(back, 'everyone')).not.toContain(data);
  });

  it('reaches all of many devices five times, each once and in order, while a tenth is cut and comes back', async () => {
    const { count, cutOff } = target.many;
    const topic = target.newTopic('many');
    const channel = `topic:${topic}`;
    const users = Array.from({ length: count }, (_none, index) => target.newUser(`many${index}`));
    const connect = async (user: string, after?: number) => {
      const token = target.tokenWith(user, { subscribe: [channel] });
      const client = await target.device(user, 'phone', { token, ack: 'client' });
      await subscribed(client, topic, after === undefined ? {} : { after });
      return client;
    };
    const clients: Client[] = [];
    for (let at = 0; at < users.length; at += 25)
      clients.push(...(await Promise.all(users.slice(at, at + 25).map((user) => connect(user)))));
    const cut = clients.slice(0, cutOff);
    await target.publishTo({ topic }, 1);
    await target.publishTo({ topic }, 2);
    await Promise.all(cut.map((client) => hears(client, channel, 2)));
    await Promise.all(cut.map((client) => client.vanish()));
    await target.publishTo({ topic }, 3);
    const back = await Promise.all(users.slice(0, cutOff).map((user) => connect(user, 2)));
    await target.publishTo({ topic }, 4);
    await target.publishTo({ topic }, 5);
    const stayed = clients.slice(cutOff);
    await Promise.all(stayed.map((client) => hears(client, channel, 5)));
    await Promise.all(back.map((client) => hears(client, channel, 3)));
    const once = (client: Client) => [...new Set(heard(client, channel).map(({ seq }) => seq))].sort();
    for (const client of stayed) expect(once(client)).toEqual([1, 2, 3, 4, 5]);
    for (const client of back) expect(once(client)).toEqual([3, 4, 5]);
  });
});

describe('what a replay brings', () => {
  it('is of messages with one collapse key only the newest', async () => {
    const topic = target.newTopic();
    const channel = `topic:${topic}`;
    for (const data of ['50 %', '75 %', 'done'])
      await target.publishTo({ topic }, data, { collapseKey: 'upload' });
    await target.publishTo({ topic }, 'other');
    const client = await subscriber(target.newUser(), 'phone', topic);
    await subscribed(client, topic, { after: 0 });
    await hears(client, channel, 2);
    expect(dataOf(client, channel)).toEqual(['done', 'other']);
    const frame = client.frames.find(
      (one): one is ReplayFrame => one.event === 'replay' && one.channel === channel,
    );
    expect(frame).toMatchObject({ through: 4, expired: 0, collapsed: 2 });
  });
});

describe('who hears a topic', () => {
  const base64Url = (text: string) => Buffer.from(text).toString('base64url');
  it.each([
    ['of no bytes', 'a'],
    ['of bytes that are no text', 'zzz'],
    ['before every connection', base64Url('!')],
    ['after every connection', base64Url('h')],
  ])('is refused from a page %s on, which no page before has named', async (_which, next) => {
    const path = `/topics/${target.newTopic()}/connections?next=${next}`;
    const { status, body } = await target.request('GET', path);
    expect({ status, body }).toMatchObject({ status: 400, body: { errors: [{ path: 'next' }] } });
  });
});
