/** What the stores make of the faults of DynamoDB that the local server never has: conflicts, throttling, nonsense. */
import { describe, expect, it } from 'vitest';
import { createDynamoDb } from '#aws-client';
import { createConnectionStore } from '../../../../lambdas/adapters/dynamodb/connection-store.ts';
import { createDeviceStore } from '../../../../lambdas/adapters/dynamodb/device-store.ts';
import { createLogStore } from '../../../../lambdas/adapters/dynamodb/log-store.ts';
import { Busy } from '../../../../lambdas/domain/errors.ts';
import type { Connection, Head, Message } from '../../../../lambdas/domain/model.ts';
import { readLocalAccess } from '../../../support/dynoxide.ts';
import { createQuickClock } from '../../../support/quick-clock.ts';
import { type Answer, status, useScriptedServer } from '../../../support/scripted-server.ts';

const server = useScriptedServer();

function stores() {
  const dynamodb = createDynamoDb({
    readAccess: readLocalAccess,
    endpoint: server.url,
    tries: 1,
    clock: createQuickClock(),
  });
  return {
    connections: createConnectionStore(dynamodb, 'connections', () => 0),
    devices: createDeviceStore(dynamodb, 'devices', () => 0),
    log: createLogStore(dynamodb, { messages: 'messages', publishes: 'publishes' }),
  };
}

const CHANNEL = 'user:alice';
const head: Head = { epoch: 'epoch-1', seq: 1, updatedAt: 1 };
const next: Head = { epoch: 'epoch-1', seq: 2, updatedAt: 2 };
const message: Message = {
  seq: 2,
  id: 'id',
  type: 'type',
  data: 'null',
  originDeviceId: undefined,
  sentAt: 2,
  expiresAt: 9000,
};
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
const KNOWN = { ...FAILED, Item: { seq: { N: '7' }, payloadHash: { S: 'of another payload' } } };

describe('an append', () => {
  it.each([
    ['the head', [CONFLICT, NONE, NONE]],
    ['the idempotency key', [NONE, NONE, CONFLICT]],
    ['the head, which has moved besides', [FAILED, NONE, CONFLICT]],
  ])('that meets another transaction on %s has lost the race', async (_, reasons) => {
    server.answer = cancelled(...reasons);
    expect(await append()).toEqual({ outcome: 'lost_race' });
  });

  it('whose key is known is a duplicate, whatever else stood against it', async () => {
    server.answer = cancelled(FAILED, CONFLICT, KNOWN);
    expect(await append()).toEqual({ outcome: 'duplicate', seq: 7, samePayload: false });
  });

  it.each(['ThrottlingError', 'ProvisionedThroughputExceeded'])('cancelled by %s is busy', async (Code) => {
    server.answer = cancelled({ Code }, NONE, NONE);
    await expect(append()).rejects.toThrow(Busy);
  });

  it.each([
    ['a key that is known, but not told which', cancelled(NONE, NONE, FAILED)],
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
const connection: Connection = {
  ...key,
  dialect: 'herald.v1',
  ackMode: 'auto',
  handover: false,
  connectedAt: 1,
  tokenExpiresAt: 2,
  endpoint: 'https://host/prod',
  readyAt: undefined,
  startsAt: undefined,
  paused: undefined,
  bye: undefined,
  expiresAt: 9000,
};
const lastSeen = { lastSeenAt: 1, expiresAt: 9000 };

const CALLS: [string, () => Promise<unknown>][] = [
  ['connections.add', () => stores().connections.add(connection, 'request-1')],
  ['connections.find', () => stores().connections.find(key)],
  ['connections.list', () => stores().connections.list('alice')],
  ['connections.remove', () => stores().connections.remove(key)],
  ['connections.markReady', () => stores().connections.markReady(key, 1)],
  ['connections.markClosing', () => stores().connections.markClosing(key, 'revoked', 'request')],
  ['connections.requestReconcile', () => stores().connections.requestReconcile(key, 'request-1')],
  ['devices.see', () => stores().devices.touch(key, lastSeen)],
  ['devices.find', () => stores().devices.find(key)],
  ['devices.list', () => stores().devices.list('alice')],
  ['devices.advance', () => stores().devices.advance(key, CHANNEL, { to: head }, lastSeen)],
  ['log.head', () => stores().log.head(CHANNEL)],
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
