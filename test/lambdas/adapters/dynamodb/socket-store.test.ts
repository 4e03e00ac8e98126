/** The rows of STOMP's sockets: one pump at a time, nothing new is forgotten, and none comes back. */
import { randomUUID } from 'node:crypto';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { createPendingStore } from '../../../../lambdas/adapters/dynamodb/pending-store.ts';
import { socketKey } from '../../../../lambdas/adapters/dynamodb/socket-rows.ts';
import { createSocketStore } from '../../../../lambdas/adapters/dynamodb/socket-store.ts';
import { createStores } from '../../../../lambdas/adapters/dynamodb/stores.ts';
import type { NewSocket } from '../../../../lambdas/domain/stomp/sockets.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { connectionOf, START } from './harness.ts';

const running = useDynamoDb();
const ADDRESS = '192.0.2.1';

function storesAt(now = () => START) {
  const { dynamodb, tables, client } = running();
  return {
    sockets: createSocketStore(dynamodb, tables, now),
    pending: createPendingStore(dynamodb, tables, now),
    ...createStores(dynamodb, tables, now),
    requestOf: async (connectionId: string) => {
      const get = { TableName: tables.connections, Key: socketKey(connectionId), ConsistentRead: true };
      return (await client.send(new GetCommand(get))).Item?.replayRequestId;
    },
  };
}

const newSocket = (over: Partial<NewSocket> = {}): NewSocket => ({
  connectionId: `${randomUUID()}=`,
  userId: 'alice',
  deviceId: 'page',
  dialect: 'v12.stomp',
  batchBytes: 30_000,
  permissions: { subscribe: [], publish: ['topic:a'] },
  tokenExpiresAt: START + 1000,
  expiresAt: START + 7_800_000,
  ...over,
});

async function opened(over: Partial<NewSocket> = {}) {
  const stores = storesAt();
  const socket = newSocket(over);
  const { connectionId } = socket;
  const key = { address: ADDRESS, connectionId };
  await stores.pending.add({ ...key, connectedAt: START }, { expiresAt: START + 30_000, requestId: 'r' });
  const connection = connectionOf('alice', { connectionId, dialect: 'v12.stomp' });
  expect(await stores.sockets.open(connection, socket, ADDRESS)).toBe(true);
  return { ...stores, socket, connection, connectionId };
}

const lease = (holder: string, now = START) => ({ holder, now, until: now + 20_000 });
const end = { sent: new Map(), refusedAt: undefined };
const subscription = (key = 'k') => ({
  key,
  channel: 'user:alice',
  destination: '/user/queue/x',
  ack: 'client-individual' as const,
  replayThrough: 3,
  sent: { epoch: 'e', seq: 1 },
});

describe('a socket', () => {
  it('opens once, in place of its pending row, with its connection', async () => {
    const { sockets, connections, socket, connection, connectionId } = await opened();
    expect(await sockets.find(connectionId)).toEqual({
      ...socket,
      subscriptions: new Map(),
      news: new Set(),
      announced: 0,
      refusedAt: undefined,
    });
    expect(await connections.find(connection)).toMatchObject({ connectionId });
    expect(await sockets.open(connection, socket, ADDRESS)).toBe(false);
  });

  it('does not open when it was refused, reaped or never let in', async () => {
    const { sockets, pending, connections } = storesAt();
    const key = (connectionId: string) => ({ address: ADDRESS, connectionId });
    const add = (connectionId: string) =>
      pending.add({ ...key(connectionId), connectedAt: START }, { expiresAt: START + 1000, requestId: 'r' });
    for (const prepare of [
      async () => undefined,
      (id: string) => add(id).then(() => pending.refuse(key(id))),
      (id: string) => add(id).then(() => pending.remove(key(id), { evenRefused: true })),
    ]) {
      const socket = newSocket();
      await prepare(socket.connectionId);
      const connection = connectionOf('alice', { connectionId: socket.connectionId });
      expect(await sockets.open(connection, socket, ADDRESS)).toBe(false);
      expect(await connections.find(connection)).toBeUndefined();
    }
  });

  it('that is gone never comes back, whoever writes', async () => {
    const { sockets, subscriptions, connectionId } = await opened();
    await sockets.remove(connectionId);
    expect(await sockets.subscribe(connectionId, '1', subscription(), 'r')).toBe('gone');
    expect(await subscriptions.announce(connectionId, 'user:alice', 'r')).toBe(false);
    expect(await sockets.beginPump(connectionId, lease('a'))).toEqual({ outcome: 'gone' });
    expect(await sockets.takePump(connectionId, lease('a'))).toBeUndefined();
    await sockets.addUnacked(connectionId, 'k', [1]);
    await sockets.removeUnacked(connectionId, 'k', 1);
    await sockets.unsubscribe(connectionId, '1', 'k');
    expect(await sockets.endPump(connectionId, { ...end, holder: 'a', announced: 0 })).toBe(false);
    expect(
      await sockets.renewPump(connectionId, lease('a'), { ...end, holder: 'a', announced: 0 }),
    ).toBeUndefined();
    expect(await sockets.find(connectionId)).toBeUndefined();
  });
});

describe('a subscription', () => {
  it('is kept by its id, and is news', async () => {
    const { sockets, connectionId, requestOf } = await opened();
    expect(await sockets.subscribe(connectionId, 'sub: 0', subscription(), 'r1')).toBe('subscribed');
    expect(await sockets.subscribe(connectionId, 'sub: 0', subscription('other'), 'r2')).toBe('in_use');
    expect(await requestOf(connectionId)).toBe('r1');
    const socket = await sockets.find(connectionId);
    expect(socket).toMatchObject({ news: new Set(['user:alice']), announced: 1 });
    expect(socket?.subscriptions).toEqual(new Map([['sub: 0', { ...subscription(), unacked: new Set() }]]));
  });

  it('ends with all that was kept of it; one that took its id since stays', async () => {
    const { sockets, connectionId } = await opened();
    await sockets.subscribe(connectionId, '1', subscription('first'), 'r');
    await sockets.unsubscribe(connectionId, '1', 'first');
    await sockets.subscribe(connectionId, '1', subscription('second'), 'r');
    await sockets.unsubscribe(connectionId, '1', 'first');
    expect((await sockets.find(connectionId))?.subscriptions.get('1')?.key).toBe('second');
  });

  it('keeps what is unacknowledged, in any order', async () => {
    const { sockets, connectionId } = await opened();
    await sockets.subscribe(connectionId, '1', subscription(), 'r');
    await sockets.addUnacked(connectionId, 'k', [2, 3]);
    await sockets.addUnacked(connectionId, 'k', [4]);
    expect(await sockets.removeUnacked(connectionId, 'k', 3)).toEqual(new Set([2, 4]));
    expect(await sockets.removeUnacked(connectionId, 'k', 3)).toEqual(new Set([2, 4]));
    expect((await sockets.find(connectionId))?.subscriptions.get('1')?.unacked).toEqual(new Set([2, 4]));
  });
});

describe('the lease of the pump', () => {
  it('is one pump’s at a time, until it is given back', async () => {
    const { sockets, connectionId } = await opened();
    expect(await sockets.beginPump(connectionId, lease('a'))).toMatchObject({
      outcome: 'begun',
      isOrphaned: false,
    });
    expect(await sockets.beginPump(connectionId, lease('b'))).toEqual({ outcome: 'busy' });
    expect(await sockets.takePump(connectionId, lease('b'))).toBeUndefined();
    expect(await sockets.endPump(connectionId, { ...end, holder: 'b', announced: 0 })).toBe(false);
    expect(await sockets.endPump(connectionId, { ...end, holder: 'a', announced: 0 })).toBe(true);
    expect(await sockets.takePump(connectionId, lease('b'))).toBeDefined();
  });

  it('that was taken by a write whose answer was lost is still its own', async () => {
    const { sockets, connectionId } = await opened();
    await sockets.beginPump(connectionId, lease('a'));
    expect(await sockets.beginPump(connectionId, lease('a'))).toMatchObject({
      outcome: 'begun',
      isOrphaned: false,
    });
  });

  it('that lapsed is taken over by a pump that knows so, and by no publisher', async () => {
    const { sockets, connectionId } = await opened();
    await sockets.beginPump(connectionId, lease('dead'));
    expect(await sockets.beginPump(connectionId, lease('b', START + 19_999))).toEqual({ outcome: 'busy' });
    expect(await sockets.takePump(connectionId, lease('b', START + 20_000))).toBeUndefined();
    expect(await sockets.beginPump(connectionId, lease('b', START + 20_000))).toMatchObject({
      isOrphaned: true,
    });
    const late = { ...end, holder: 'dead', announced: undefined };
    expect(await sockets.renewPump(connectionId, lease('dead', START + 20_000), late)).toBeUndefined();
  });

  it('is not given back while something was announced that its holder has not seen', async () => {
    const { sockets, subscriptions, connectionId, requestOf } = await opened();
    await subscriptions.announce(connectionId, 'user:alice', 'r1');
    const begun = await sockets.beginPump(connectionId, lease('a'));
    const announced = begun.outcome === 'begun' ? begun.socket.announced : 0;
    expect(await requestOf(connectionId)).toBeUndefined();
    await subscriptions.announce(connectionId, 'topic:x', 'r2');
    expect(await sockets.endPump(connectionId, { ...end, holder: 'a', announced })).toBe(false);
    const renewed = await sockets.renewPump(connectionId, lease('a'), {
      ...end,
      holder: 'a',
      announced: undefined,
    });
    expect(renewed?.news).toEqual(new Set(['user:alice', 'topic:x']));
    expect(await sockets.endPump(connectionId, { ...end, holder: 'a', announced: renewed?.announced })).toBe(
      true,
    );
    expect(await sockets.find(connectionId)).toMatchObject({ news: new Set(), announced: 0 });
  });

  it('is given back with what is left to do, for another pump', async () => {
    const { sockets, subscriptions, connectionId, requestOf } = await opened();
    await subscriptions.announce(connectionId, 'user:alice', 'r1');
    await sockets.beginPump(connectionId, lease('a'));
    const left = { ...end, holder: 'a', announced: undefined, refusedAt: START, requestId: 'r2' };
    expect(await sockets.endPump(connectionId, left)).toBe(true);
    expect(await requestOf(connectionId)).toBe('r2');
    expect(await sockets.find(connectionId)).toMatchObject({
      news: new Set(['user:alice']),
      refusedAt: START,
    });
  });

  it('notes how far each subscription has come, as it ends and as it goes on', async () => {
    const { sockets, connectionId } = await opened();
    await sockets.subscribe(connectionId, '1', subscription('k1'), 'r');
    await sockets.subscribe(connectionId, '2', subscription('k2'), 'r');
    await sockets.beginPump(connectionId, lease('a'));
    const first = new Map([['k1', { epoch: 'e', seq: 5 }]]);
    const second = new Map([['k2', { epoch: 'e', seq: 7, isStalled: true }]]);
    await sockets.renewPump(connectionId, lease('a'), {
      ...end,
      holder: 'a',
      announced: undefined,
      sent: first,
    });
    await sockets.endPump(connectionId, { ...end, holder: 'a', announced: undefined, sent: second });
    const { subscriptions: kept } = (await sockets.find(connectionId)) ?? { subscriptions: new Map() };
    expect([kept.get('1')?.sent, kept.get('2')?.sent]).toEqual([first.get('k1'), second.get('k2')]);
  });
});

describe('pending sockets', () => {
  it('are counted by address and in parts, refused ones too, until they lapse', async () => {
    let now = START;
    const { pending } = storesAt(() => now);
    const address = `address-${randomUUID()}`;
    const add = (connectionId: string) =>
      pending.add(
        { address, connectionId, connectedAt: now },
        { expiresAt: now + 30_000, requestId: randomUUID() },
      );
    expect((await add('1')).ofAddress).toBe(1);
    await pending.refuse({ address, connectionId: '1' });
    expect((await add('2')).ofAddress).toBe(2);
    expect(await pending.remove({ address, connectionId: '1' }, { evenRefused: false })).toBe(false);
    expect(await pending.remove({ address, connectionId: '2' }, { evenRefused: false })).toBe(true);
    now += 31_000;
    const { ofAddress, ofPart, parts } = await add('3');
    expect([ofAddress, parts]).toEqual([1, 16]);
    expect(ofPart).toBeGreaterThanOrEqual(1);
  });

  it('tells whose a socket was as it closes, once', async () => {
    const { pending, connectionId } = await opened();
    expect(await pending.takeOwner(connectionId)).toBe('alice');
    expect(await pending.takeOwner(connectionId)).toBeUndefined();
  });
});
