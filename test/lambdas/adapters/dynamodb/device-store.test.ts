/** The contract of the devices, and of the cursors in other channels, kept by memory and by DynamoDB. */
import { describe } from 'vitest';
import { createDeviceStore } from '../../../../lambdas/adapters/dynamodb/device-store.ts';
import { TABLES } from '../../../../lambdas/adapters/dynamodb/tables.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { createMemoryDeviceStore } from '../../../support/memory-device-store.ts';
import { deviceStoreContract } from './device-store.contract.ts';

describe('devices in memory', () => deviceStoreContract(createMemoryDeviceStore));

describe('devices in DynamoDB', () => {
  const dynamodb = useDynamoDb();

  deviceStoreContract((now) => {
    const { dynamodb: ours, tables } = dynamodb();
    return createDeviceStore(ours, { tableName: tables.devices }, now);
  });
});

describe('cursors in DynamoDB', () => {
  const dynamodb = useDynamoDb();
  const partition = TABLES.cursors.partition.name;

  deviceStoreContract((now) => {
    const { dynamodb: ours, tables } = dynamodb();
    return createDeviceStore(ours, { tableName: tables.cursors, partition }, now);
  });
});
