/** What the stores make of the faults of DynamoDB that the local server never has: conflicts, throttling, nonsense. */
import { describe, expect, it } from 'vitest';
import { createDynamoDb } from '#aws-client';
import { createLogStore } from '../../../../lambdas/adapters/dynamodb/log-store.ts';
import { createStores } from '../../../../lambdas/adapters/dynamodb/stores.ts';
import type { TableNames } from '../../../../lambdas/adapters/dynamodb/tables.ts';
import { Busy } from '../../../../lambdas/domain/errors.ts';
import { type Head, type Member, topicChannel } from '../../../../lambdas/domain/model.ts';
import { ALL_SUBSCRIBERS, type Subscribing } from '../../../../lambdas/domain/ports/subscription-store.ts';
import { aMessage } from '../../../support/builders.ts';
import { readLocalAccess } from '../../../support/dynoxide.ts';
import { ownKey } from '../../../support/memory-tables.ts';
import { createQuickClock } from '../../../support/quick-clock.ts';
import { type Answer, status, useScriptedServer } from '../../../support/scripted-server.ts';
import { connectionOf } from './harness.ts';

const server = useScriptedServer();

const TABLES = {
  connections: 'connections',
  devices: 'devices',
  messages: 'messages',
  publishes: 'publishes',
  subscriptions: 'subscriptions',
  members: 'members',
  cursors: 'cursors',
  outbox: 'outbox',
  presence: 'presence',
} satisfies TableNames;

function stores() {
  const dynamodb = createDynamoDb({
    readAccess: readLocalAccess,
    endpoint: server.url,
    tries: 1,
    clock: createQuickClock(),
  });
  return {
    ...createStores(dynamodb, TABLES, () => 0),
    log: createLogStore(dynamodb, TABLES),
  };
}

const CHANNEL = 'user:alice';
const head: Head = { epoch: 'epoch-1', seq: 1, updatedAt: 1 };
const next: Head = { epoch: 'epoch-1', seq: 2, updatedAt: 2 };
const message = aMessage({ seq: 2, sentAt: 2, expiresAt: 9000 });
const idempotency = { key: 'id', payload: '{}', expiresAt: 9000 };
const append = () =>
  stores().log.append({ channel: CHANNEL, expected: head, next, message, idempotency, now: 2 });

const json = (body: unknown): string => JSON.stringify(body);
const fault = (name: string, fields: object = {}, code = 400): Answer =>
  status(code, {}, json({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: 'no', ...fields }));
const cancelled = (...reasons: object[]): Answer =>
  fault('TransactionCanceledException', { Message: 'cancelled', CancellationReasons: reasons });
const enqueue = (...answers: Answer[]): Answer => {
  const rest = [...answers];
  return (request, response) => (rest.shift() ?? status(500))(request, response);
};

const NONE = { Code: 'None' };
const FAILED = { Code: 'ConditionalCheckFailed' };
const CONFLICT = { Code: 'TransactionConflict' };
const THROTTLED = { Code: 'ThrottlingError' };

describe('an append', () => {
  it.each([
    ['the head', [CONFLICT, NONE, NONE]],
    ['the head, which has moved besides', [FAILED, CONFLICT]],
    ['a key that falls out of the head', [NONE, NONE, CONFLICT]],
  ])('that meets another transaction on %s has lost the race', async (_, reasons) => {
    server.answer = cancelled(...reasons);
    expect(await append()).toEqual({ outcome: 'lost_race' });
  });

  it.each(['ThrottlingError', 'ProvisionedThroughputExceeded'])('cancelled by %s is busy', async (Code) => {
    server.answer = cancelled({ Code }, NONE, NONE);
    await expect(append()).rejects.toThrow(Busy);
  });

  it.each([
    ['an invalid request', cancelled({ Code: 'ValidationError' }, NONE, NONE)],
    ['its own repetition, which is under way', fault('TransactionInProgressException')],
    ['a server error', status(500)],
  ])('is in doubt, not lost, after %s', async (_, answer) => {
    server.answer = answer;
    const error = await append().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(Busy);
  });
});

describe('a proof', () => {
  it('that meets an append of one of its seqs is in doubt', async () => {
    server.answer = cancelled(NONE, CONFLICT);
    expect(await stores().log.prove(CHANNEL, [1, 2])).toEqual({ outcome: 'in_doubt' });
  });

  it('that is throttled is busy', async () => {
    server.answer = cancelled(NONE, THROTTLED);
    await expect(stores().log.prove(CHANNEL, [1, 2])).rejects.toThrow(Busy);
  });
});

describe('creating a channel', () => {
  const conflict = fault('TransactionConflictException');
  const nothing = status(200, {}, '{}');
  const standing = status(
    200,
    {},
    json({ Item: { epoch: { S: 'epoch-1' }, head: { N: '1' }, updatedAt: { N: '1' } } }),
  );

  it('that meets its first append takes the head of that', async () => {
    server.answer = enqueue(conflict, standing);
    expect(await stores().log.create(CHANNEL, next)).toEqual(head);
  });

  it('tries again when that append came to nothing', async () => {
    server.answer = enqueue(conflict, nothing, nothing);
    expect(await stores().log.create(CHANNEL, next)).toEqual(next);
  });

  it('gives up in the end', async () => {
    server.answer = (request, response) =>
      (server.received.length % 2 === 1 ? conflict : nothing)(request, response);
    await expect(stores().log.create(CHANNEL, next)).rejects.toThrow(Busy);
    expect(server.received.length).toBeLessThan(50);
  });
});

const key = { userId: 'alice', connectionId: 'c', deviceId: 'phone' };
const connection = connectionOf('alice', { connectionId: 'c', expiresAt: 9000 });
const NEWS = topicChannel('news');
const onNews = { channel: NEWS, userId: 'alice', connectionId: 'c' };
const member: Member = {
  userId: 'alice',
  topic: 'news',
  joinedAt: 1,
  joined: { epoch: 'epoch-1', seq: 0 },
};
const SUBSCRIBING: Subscribing = {
  maxChannels: 100,
  asMember: member,
  permitted: false,
  readyAt: 1,
  startsAt: undefined,
  requestId: undefined,
};
const subscribe = () => stores().subscriptions.add(connection, NEWS, SUBSCRIBING);
const unsubscribe = () => stores().subscriptions.remove(onNews);
const begin = { readyAt: 1, startsAt: undefined, request: undefined };
const OK = status(200, {}, '{}');
const targets = () => server.received.map(({ headers }) => `${headers['x-amz-target']}`.replace(/^.*\./, ''));

describe('a subscribe', () => {
  it.each([
    ['the connection', [CONFLICT, NONE, NONE]],
    ['the member', [NONE, NONE, CONFLICT]],
  ])('that meets another transaction on %s is tried again', async (_, reasons) => {
    server.answer = enqueue(cancelled(...reasons), cancelled(...reasons), OK);
    expect(await subscribe()).toBe('subscribed');
    expect(server.received).toHaveLength(3);
  });

  it('that meets one transaction after the other is busy in the end', async () => {
    server.answer = cancelled(CONFLICT, NONE, NONE);
    await expect(subscribe()).rejects.toThrow(Busy);
    expect(server.received.length).toBeLessThan(20);
  });

  it('of a connection that is being closed is too late, also while its old subscription still stands', async () => {
    const closing = status(200, {}, json({ Item: { userId: { S: 'alice' }, bye: { S: 'revoked' } } }));
    server.answer = enqueue(cancelled(FAILED, FAILED, NONE), closing);
    expect(await subscribe()).toBe('closed');
  });

  it('as a member whom somebody removes meanwhile fails as that, whatever else stood against it', async () => {
    server.answer = cancelled(FAILED, CONFLICT, FAILED);
    expect(await subscribe()).toBe('no_member');
  });

  it.each([
    ['an invalid request', cancelled({ Code: 'ValidationError' }, NONE, NONE)],
    ['its own repetition, which is under way', fault('TransactionInProgressException')],
    ['a server error', status(500)],
  ])('is in doubt after %s', async (_, answer) => {
    server.answer = answer;
    const error = await subscribe().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(Busy);
  });
});

describe('an unsubscribe', () => {
  it('that meets another transaction is tried again, as a whole', async () => {
    server.answer = enqueue(cancelled(CONFLICT, NONE), OK);
    await unsubscribe();
    expect(targets()).toEqual(['TransactWriteItems', 'TransactWriteItems']);
  });

  it('of a connection that is gone takes the left-over row alone', async () => {
    server.answer = enqueue(cancelled(FAILED, NONE), OK);
    await unsubscribe();
    expect(targets()).toEqual(['TransactWriteItems', 'DeleteItem']);
  });

  it('that is throttled is busy, and leaves no note of the channel without its row', async () => {
    server.answer = cancelled(THROTTLED, NONE);
    await expect(unsubscribe()).rejects.toThrow(Busy);
    expect(targets()).toEqual(['TransactWriteItems']);
  });
});

const CONFLICTING: [string, () => Promise<unknown>][] = [
  ['members.add', () => stores().members.add(member)],
  ['members.remove', () => stores().members.remove('alice', 'news')],
  ['connections.remove', () => stores().connections.remove({ ...key, channels: new Set(['everyone']) })],
  ['connections.markClosing', () => stores().connections.markClosing(key, 'revoked', 'request')],
  ['subscriptions.markReady', () => stores().subscriptions.markReady(onNews, 1)],
  ['subscriptions.pause', () => stores().subscriptions.pause(onNews, { at: 1, after: undefined }, 'me')],
  ['subscriptions.begin', () => stores().subscriptions.begin(onNews, begin)],
];

describe.each(CONFLICTING)('%s', (_, call) => {
  const conflict = fault('TransactionConflictException');

  it('outlasts a transaction that stands in its way', async () => {
    let asked = 0;
    server.answer = (request, response) => (++asked <= 2 ? conflict : OK)(request, response);
    await call();
    expect(asked).toBeGreaterThan(2);
  });

  it('is busy where one transaction follows the other', async () => {
    server.answer = conflict;
    await expect(call()).rejects.toThrow(Busy);
    expect(server.received.length).toBeLessThan(20);
  });
});

describe('the heads of several channels', () => {
  const rowOf = (channel: string, head = 1) => ({
    channel: { S: channel },
    epoch: { S: 'epoch-1' },
    head: { N: `${head}` },
    updatedAt: { N: '1' },
  });
  const unprocessed = (...channels: string[]) => ({
    messages: { Keys: channels.map((channel) => ({ channel: { S: channel }, seq: { N: '0' } })) },
  });
  const answerOf = (rows: object[], left: object = {}): Answer =>
    status(200, {}, json({ Responses: { messages: rows }, UnprocessedKeys: left }));
  const asked = () =>
    server.received.map(({ body }) =>
      JSON.parse(body).RequestItems.messages.Keys.map(({ channel }: { channel: { S: string } }) => channel.S),
    );

  it('are asked for again where DynamoDB had no time for them', async () => {
    server.answer = enqueue(
      answerOf([rowOf('user:a')], unprocessed('user:b', 'user:c')),
      answerOf([rowOf('user:b', 2)], unprocessed('user:c')),
      answerOf([]),
    );
    const heads = await stores().log.heads(['user:a', 'user:b', 'user:c']);
    expect([...heads].map(([name, { seq }]) => [name, seq])).toEqual([
      ['user:a', 1],
      ['user:b', 2],
    ]);
    expect(asked()).toEqual([['user:a', 'user:b', 'user:c'], ['user:b', 'user:c'], ['user:c']]);
    for (const { body } of server.received)
      expect(JSON.parse(body).RequestItems.messages.ConsistentRead).toBe(true);
  });

  it('are busy where it never has, and no head is taken for missing', async () => {
    server.answer = answerOf([], unprocessed('user:a'));
    await expect(stores().log.heads(['user:a'])).rejects.toThrow(Busy);
    expect(server.received.length).toBeLessThan(10);
  });

  it('are asked for in requests of at most 100', async () => {
    server.answer = answerOf([]);
    const names = Array.from({ length: 201 }, (_none, index) => `user:${index}`);
    await stores().log.heads(names);
    const sizes = asked().map(({ length }) => length);
    expect(sizes.toSorted((one: number, other: number) => other - one)).toEqual([100, 100, 1]);
    expect(new Set(asked().flat()).size).toBe(201);
  });
});

const lastSeen = { lastSeenAt: 1, expiresAt: 9000 };

const CALLS: [string, () => Promise<unknown>][] = [
  ['connections.add', () => stores().connections.add(connection, 'request-1')],
  ['connections.find', () => stores().connections.find(key)],
  ['connections.list', () => stores().connections.list('alice')],
  ['connections.remove', () => stores().connections.remove(key)],
  ['connections.markClosing', () => stores().connections.markClosing(key, 'revoked', 'request')],
  ['subscriptions.find', () => stores().subscriptions.find(onNews)],
  ['subscriptions.page', () => stores().subscriptions.page(NEWS, ALL_SUBSCRIBERS, 10)],
  ['subscriptions.add', subscribe],
  ['subscriptions.remove', unsubscribe],
  ['subscriptions.begin', () => stores().subscriptions.begin(onNews, begin)],
  ['subscriptions.markReady', () => stores().subscriptions.markReady(ownKey(key), 1)],
  ['subscriptions.requestReconcile', () => stores().subscriptions.requestReconcile(onNews, 'request-1')],
  ['members.find', () => stores().members.find('alice', 'news')],
  ['members.add', () => stores().members.add(member)],
  ['members.remove', () => stores().members.remove('alice', 'news')],
  ['members.topicsOf', () => stores().members.topicsOf('alice')],
  ['members.page', () => stores().members.page('news', 10, undefined)],
  ['devices.see', () => stores().devices.touch(key, lastSeen)],
  ['devices.find', () => stores().devices.find(key)],
  ['devices.list', () => stores().devices.list('alice')],
  ['devices.advance', () => stores().devices.advance(key, CHANNEL, { to: head }, lastSeen)],
  ['starts.read', () => stores().starts.read({ userId: 'alice', device: key, cursors: [], channels: [] })],
  ['log.head', () => stores().log.head(CHANNEL)],
  ['log.heads', () => stores().log.heads([CHANNEL])],
  ['log.create', () => stores().log.create(CHANNEL, head)],
  ['log.append', append],
  ['log.query', () => stores().log.query(CHANNEL, 0, 1)],
  ['log.prove', () => stores().log.prove(CHANNEL, [1])],
];

describe.each(CALLS)('%s', (_, call) => {
  it.each([['ProvisionedThroughputExceededException'], ['RequestLimitExceeded'], ['ThrottlingException']])(
    'is busy after %s, and keeps the cause',
    async (name) => {
      server.answer = fault(name);
      const error = await call().catch((error: unknown) => error);
      expect(error).toBeInstanceOf(Busy);
      expect(error).toHaveProperty('cause.name', name);
    },
  );

  it('rejects with any other fault as it is', async () => {
    server.answer = fault('ResourceNotFoundException');
    await expect(call()).rejects.toMatchObject({ name: 'ResourceNotFoundException', message: 'no' });
  });
});
