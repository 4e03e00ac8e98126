/** The contract of the members, kept by memory and by DynamoDB. */
import { describe } from 'vitest';
import { createMemberStore } from '../../../../lambdas/adapters/dynamodb/member-store.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { createMemoryMemberStore } from '../../../support/memory-member-store.ts';
import { memberStoreContract } from './member-store.contract.ts';

describe('members in memory', () => memberStoreContract(createMemoryMemberStore));

describe('members in DynamoDB', () => {
  const dynamodb = useDynamoDb();

  memberStoreContract(() => {
    const { dynamodb: ours, tables } = dynamodb();
    return createMemberStore(ours, tables.members);
  });
});
