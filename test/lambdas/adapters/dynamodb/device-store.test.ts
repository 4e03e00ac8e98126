/** The contract of the devices, and of the cursors in other channels, kept by memory and by DynamoDB. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createStores } from '../../../../lambdas/adapters/dynamodb/stores.ts';
import type { DeviceKey } from '../../../../lambdas/domain/model.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { createMemoryConnectionStore } from '../../../support/memory-connection-store.ts';
import { createMemoryDeviceStore } from '../../../support/memory-device-store.ts';
import { createMemoryTables } from '../../../support/memory-tables.ts';
import { deviceStoreContract } from './device-store.contract.ts';
import { connectionOf, START } from './harness.ts';

describe('devices in memory', () =>
  deviceStoreContract((now) => {
    const tables = createMemoryTables();
    return {
      store: createMemoryDeviceStore(now, tables, tables.devices),
      connections: createMemoryConnectionStore(now, tables),
    };
  }));

describe('devices in DynamoDB', () => {
  const dynamodb = useDynamoDb();

  deviceStoreContract((now) => {
    const { dynamodb: ours, tables } = dynamodb();
    const { devices: store, connections } = createStores(ours, tables, now);
    return { store, connections };
  });
});

describe('cursors of other channels in DynamoDB', () => {
  const dynamodb = useDynamoDb();
  const now = () => START;

  const harness = async () => {
    const { dynamodb: ours, tables } = dynamodb();
    const { cursors, connections } = createStores(ours, tables, now);
    const on = connectionOf(`alice-${randomUUID()}`);
    await connections.add(on, 'request-1');
    const { userId } = on;
    const keyOf = (channel: string, device = 'phone') => ({ userId, deviceId: `${channel}#${device}` });
    const seen = { lastSeenAt: START, expiresAt: START + 60_000, on };
    return { cursors, connections, userId, on, keyOf, seen };
  };
  const at = (seq: number) => ({ epoch: 'e', seq });

  it('stand by themselves for each channel and device', async () => {
    const { cursors, keyOf, seen } = await harness();
    await cursors.advance(keyOf('topic:a'), 'topic:a', { to: at(5) }, seen);
    await cursors.advance(keyOf('topic:b'), 'topic:b', { to: at(7) }, seen);
    await cursors.advance(keyOf('topic:a', 'laptop'), 'topic:a', { to: at(9) }, seen);
    expect(await cursors.advance(keyOf('topic:a'), 'topic:a', { to: at(4) }, seen)).toBe(false);

    const cursorsOf = async (key: DeviceKey) => [...((await cursors.find(key))?.cursors ?? [])];
    expect(await cursorsOf(keyOf('topic:a', 'laptop'))).toEqual([['topic:a', at(9)]]);
    expect(await cursorsOf(keyOf('topic:a'))).toEqual([['topic:a', at(5)]]);
    expect(await cursorsOf(keyOf('topic:b'))).toEqual([['topic:b', at(7)]]);
    expect(await cursorsOf(keyOf('topic:c'))).toEqual([]);
  });

  it('have a most advanced one for each channel', async () => {
    const { cursors, userId, seen } = await harness();
    await cursors.advanceFurthest(userId, 'topic:a', at(5), seen);
    await cursors.advanceFurthest(userId, 'topic:b', at(7), seen);
    await cursors.advanceFurthest(userId, 'topic:a', at(4), seen);
    expect(await cursors.findFurthest(userId, 'topic:a')).toEqual(at(5));
    expect(await cursors.findFurthest(userId, 'topic:b')).toEqual(at(7));
    expect(await cursors.findFurthest(userId, 'topic:c')).toBeUndefined();
  });

  it('do not begin on a connection that is being closed', async () => {
    const { cursors, connections, userId, on, keyOf, seen } = await harness();
    await connections.markClosing(on, 'revoked', 'request-2');
    expect(await cursors.advance(keyOf('topic:a'), 'topic:a', { to: at(5) }, seen)).toBe(false);
    await cursors.advanceFurthest(userId, 'topic:a', at(5), seen);
    expect(await cursors.find(keyOf('topic:a'))).toBeUndefined();
    expect(await cursors.findFurthest(userId, 'topic:a')).toBeUndefined();
  });
});
