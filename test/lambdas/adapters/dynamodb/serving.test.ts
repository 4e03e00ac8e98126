/** The contract of serving a subscription, kept by memory and by DynamoDB, of own channels and of topics. */
import { describe } from 'vitest';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { inDynamoDb, inMemory } from './harness.ts';
import { servingContract } from './serving.contract.ts';

describe.each(['own', 'topic'] as const)('a subscription to a channel (%s)', (which) => {
  describe('in memory', () => servingContract(inMemory, which));
  describe('in DynamoDB', () => servingContract(inDynamoDb(useDynamoDb()), which));
});
