/** The contract of what a start reads at once, kept by memory and by DynamoDB. */
import { describe } from 'vitest';
import { createLogStore } from '../../../../lambdas/adapters/dynamodb/log-store.ts';
import { createStores } from '../../../../lambdas/adapters/dynamodb/stores.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { createMemoryLogStore } from '../../../support/memory-log-store.ts';
import { createMemoryStores } from '../../../support/memory-stores.ts';
import { startStoreContract } from './start-store.contract.ts';

describe('what a start reads, in memory', () => {
  startStoreContract((now) => {
    const log = createMemoryLogStore();
    return { ...createMemoryStores(now, log), log };
  });
});

describe('what a start reads, in DynamoDB', () => {
  const dynamodb = useDynamoDb();

  startStoreContract((now) => {
    const { dynamodb: ours, tables } = dynamodb();
    return { ...createStores(ours, tables, now), log: createLogStore(ours, tables) };
  });
});
