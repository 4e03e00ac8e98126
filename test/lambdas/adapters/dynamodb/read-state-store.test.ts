/** The contract of the read states, kept by memory and by DynamoDB. */
import { describe, expect, it } from 'vitest';
import { createLogStore } from '../../../../lambdas/adapters/dynamodb/log-store.ts';
import { createStores } from '../../../../lambdas/adapters/dynamodb/stores.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { createMemoryLogStore } from '../../../support/memory-log-store.ts';
import { createMemoryReadStateStore } from '../../../support/memory-read-state-store.ts';
import { connectionOf } from './harness.ts';
import { readStateStoreContract } from './read-state-store.contract.ts';

describe('read states in memory', () =>
  readStateStoreContract(() => {
    const log = createMemoryLogStore();
    return { store: createMemoryReadStateStore(undefined, log), log };
  }));

describe('read states in DynamoDB', () => {
  const dynamodb = useDynamoDb();
  const create = () => {
    const { dynamodb: ours, tables } = dynamodb();
    return { ...createStores(ours, tables, Date.now), log: createLogStore(ours, tables) };
  };

  readStateStoreContract(() => ({ store: create().readStates, log: create().log }));

  it('are no devices, though they stand among them', async () => {
    const { devices, readStates, connections, log } = create();
    const userId = 'reader';
    const phone = { userId, deviceId: 'phone' };
    await log.create(`user:${userId}`, { epoch: 'e', seq: 0, updatedAt: Date.now() });
    await readStates.replace(userId, 0, { version: 1, epoch: 'e', through: 1, seqs: [] });
    const on = connectionOf(userId, { expiresAt: Date.now() + 60_000 });
    await connections.add(on, 'request-1');
    const seen = { lastSeenAt: Date.now(), expiresAt: Date.now() + 60_000, on };
    await devices.touch(phone, seen);
    await devices.enroll(userId, seen);

    expect((await devices.list(userId)).map(({ deviceId }) => deviceId)).toEqual(['phone']);
    expect((await devices.page(userId, 1, undefined)).devices.map(({ deviceId }) => deviceId)).toEqual([
      'phone',
    ]);
  });
});
