/** The contract of the subscriptions, kept by memory and by DynamoDB. */
import { describe } from 'vitest';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { inDynamoDb, inMemory } from './harness.ts';
import { subscriptionStoreContract } from './subscription-store.contract.ts';

describe('subscriptions in memory', () => subscriptionStoreContract(inMemory));

describe('subscriptions in DynamoDB', () => subscriptionStoreContract(inDynamoDb(useDynamoDb())));
