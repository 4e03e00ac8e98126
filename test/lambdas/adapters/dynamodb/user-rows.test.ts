/** What is kept of a user is found and removed by the user alone, in memory and in DynamoDB. */
import { randomUUID } from 'node:crypto';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { createLogStore } from '../../../../lambdas/adapters/dynamodb/log-store.ts';
import { socketKey } from '../../../../lambdas/adapters/dynamodb/socket-rows.ts';
import { createStores, type Stores } from '../../../../lambdas/adapters/dynamodb/stores.ts';
import { createUserRows } from '../../../../lambdas/adapters/dynamodb/user-rows.ts';
import type { LogStore } from '../../../../lambdas/domain/ports/log-store.ts';
import type { KeptRows, UserRows } from '../../../../lambdas/domain/ports/user-rows.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { createMemoryLogStore } from '../../../support/memory-log-store.ts';
import { storesOn } from '../../../support/memory-stores.ts';
import { createMemoryTables } from '../../../support/memory-tables.ts';
import { createMemoryUserRows } from '../../../support/memory-user-rows.ts';
import { connectionOf, START } from './harness.ts';

interface Harness extends Pick<Stores, 'connections' | 'devices' | 'cursors' | 'members' | 'readStates'> {
  log: LogStore;
  rows: UserRows;
  /** Of three idempotency keys, those that do not stand on the head. */
  keyRows: number;
}

const KINDS: KeptRows[] = ['devices', 'cursors', 'members', 'publishes', 'messages'];

function contract(create: (now: () => number) => Harness): void {
  let now = START;
  const at = (seq: number) => ({ epoch: 'e', seq, updatedAt: START });

  /** A user with rows of every kind: 3 of devices, 2 of cursors, a member, 3 messages, 3 keys. */
  const aUser = async (harness: Harness) => {
    const { connections, devices, cursors, members, readStates, log } = harness;
    const on = connectionOf(`user-${randomUUID()}`);
    const { userId } = on;
    const channel = `user:${userId}`;
    await connections.add(on, 'request-1');
    const seen = { lastSeenAt: START, expiresAt: START + 1_000_000, on };
    await devices.touch({ userId, deviceId: 'phone' }, seen);
    await devices.enroll(userId, seen);
    const key = { userId, deviceId: 'topic:news#phone' };
    await cursors.advance(key, 'topic:news', { to: at(5) }, seen);
    await cursors.advanceFurthest(userId, 'topic:news', at(5), seen);
    await members.add({ userId, topic: 'news', joinedAt: START, joined: at(0) });
    for (const seq of [1, 2, 3]) {
      await log.append({
        channel,
        expected: await log.head(channel),
        next: at(seq),
        message: {
          ...{ seq, id: `m-${seq}`, type: 't', data: '{}', sentAt: START, expiresAt: START + 1_000_000 },
          ...{ originUserId: undefined, originDeviceId: undefined, originTab: undefined },
          collapseKey: undefined,
        },
        idempotency: { key: `k-${seq}`, payload: '{}', expiresAt: START + 1_000_000 },
        now: START,
      });
    }
    await readStates.replace(userId, 0, { version: 1, epoch: 'e', through: 2, seqs: [] });
    return { ...on, channel };
  };

  const removeAll = async ({ rows }: Harness, userId: string, kind: KeptRows, limit: number) => {
    const removed: number[] = [];
    do removed.push(await rows.remove(userId, kind, limit));
    while (removed.at(-1) !== 0);
    expect(removed.every((count) => count <= limit)).toBe(true);
    return removed.reduce((sum, count) => sum + count);
  };

  it('is removed kind by kind, some rows at a time, and nothing of another user', async () => {
    const harness = create(() => now);
    const [alice, bob] = [await aUser(harness), await aUser(harness)];
    const counts: Record<string, number> = {};
    for (const kind of KINDS) counts[kind] = await removeAll(harness, alice.userId, kind, 2);
    expect(counts).toEqual({ devices: 3, cursors: 2, members: 1, publishes: harness.keyRows, messages: 3 });
    expect(await harness.rows.removeHead(alice.userId, at(3))).toBe(true);
    expect(await harness.log.head(alice.channel)).toBeUndefined();
    expect(await harness.readStates.find(alice.userId)).toBeUndefined();

    const left: Record<string, number> = {};
    for (const kind of KINDS) left[kind] = await removeAll(harness, bob.userId, kind, 100);
    expect(left).toEqual(counts);
    expect(await harness.log.head(bob.channel)).toMatchObject(at(3));
  });

  it('keeps a head that has moved, and knows none that is gone', async () => {
    const harness = create(() => now);
    const { userId, channel } = await aUser(harness);
    expect(await harness.rows.removeHead(userId, at(2))).toBe(false);
    expect(await harness.rows.removeHead(userId, { ...at(3), epoch: 'f' })).toBe(false);
    expect(await harness.log.head(channel)).toMatchObject(at(3));
    expect(await harness.rows.removeHead(userId, at(3))).toBe(true);
    expect(await harness.rows.removeHead(userId, at(3))).toBe(false);
  });

  it('has connections that have lapsed, which go; those that live stay', async () => {
    const harness = create(() => now);
    const old = await aUser(harness);
    const { expiresAt } = old;
    now = expiresAt;
    const young = connectionOf(old.userId, { expiresAt: expiresAt + 60_000 });
    await harness.connections.add(young, 'request-2');
    expect(await harness.rows.removeLapsed(old.userId)).toBe(1);
    expect(await harness.rows.removeLapsed(old.userId)).toBe(0);
    expect(await harness.connections.list(old.userId)).toMatchObject([{ connectionId: young.connectionId }]);
    now = START;
  });
}

describe('what is kept of a user in memory', () =>
  contract((now) => {
    const tables = createMemoryTables();
    const log = createMemoryLogStore(undefined, tables.isOpen);
    return { ...storesOn(tables, now, log), log, rows: createMemoryUserRows(tables, log, now), keyRows: 3 };
  }));

describe('what is kept of a user in DynamoDB', () => {
  const dynamodb = useDynamoDb();

  contract((now) => {
    const { dynamodb: ours, tables } = dynamodb();
    const rows = createUserRows(ours, tables, now);
    const log = createLogStore(ours, tables, { maxRecentKeys: 1 });
    return { ...createStores(ours, tables, now), log, rows, keyRows: 2 };
  });

  it('includes what is kept of a connection of STOMP', async () => {
    const { dynamodb: ours, client, tables } = dynamodb();
    const Item = { ...socketKey('socket-1'), owner: 'alice' };
    await client.send(new PutCommand({ TableName: tables.connections, Item }));
    await createUserRows(ours, tables, () => START).removeSocket('socket-1');
    const { Item: left } = await ours.call('GetItem', {
      TableName: tables.connections,
      Key: socketKey('socket-1'),
      ConsistentRead: true,
    });
    expect(left).toBeUndefined();
  });
});
