/** The contract of the read states, kept by memory and by DynamoDB. */
import { describe, expect, it } from 'vitest';
import { createDeviceStore } from '../../../../lambdas/adapters/dynamodb/device-store.ts';
import { createReadStateStore } from '../../../../lambdas/adapters/dynamodb/read-state-store.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { createMemoryReadStateStore } from '../../../support/memory-read-state-store.ts';
import { readStateStoreContract } from './read-state-store.contract.ts';

describe('read states in memory', () => readStateStoreContract(createMemoryReadStateStore));

describe('read states in DynamoDB', () => {
  const dynamodb = useDynamoDb();
  const create = () => createReadStateStore(dynamodb().dynamodb, dynamodb().tables.devices);

  readStateStoreContract(create);

  it('are no devices, though they stand among them', async () => {
    const { dynamodb: ours, tables } = dynamodb();
    const devices = createDeviceStore(ours, { tableName: tables.devices }, Date.now);
    const userId = 'reader';
    const phone = { userId, deviceId: 'phone' };
    await create().replace(userId, 0, { version: 1, epoch: 'e', through: 1, seqs: [] });
    await devices.touch(phone, { lastSeenAt: Date.now(), expiresAt: Date.now() + 60_000 });
    await devices.enroll(userId, { lastSeenAt: Date.now(), expiresAt: Date.now() + 60_000 });

    expect((await devices.list(userId)).map(({ deviceId }) => deviceId)).toEqual(['phone']);
    expect((await devices.page(userId, 1, undefined)).devices.map(({ deviceId }) => deviceId)).toEqual([
      'phone',
    ]);
  });
});
