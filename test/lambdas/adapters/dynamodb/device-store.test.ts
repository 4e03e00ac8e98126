/** The contract of the devices, kept by memory and by DynamoDB. */
import { describe } from 'vitest';
import { createDeviceStore } from '../../../../lambdas/adapters/dynamodb/device-store.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { createMemoryDeviceStore } from '../../../support/memory-device-store.ts';
import { deviceStoreContract } from './device-store.contract.ts';

describe('devices in memory', () => deviceStoreContract(createMemoryDeviceStore));

describe('devices in DynamoDB', () => {
  const dynamodb = useDynamoDb();

  deviceStoreContract((now) => {
    const { dynamodb: ours, tables } = dynamodb();
    return createDeviceStore(ours, tables.devices, now);
  });
});
