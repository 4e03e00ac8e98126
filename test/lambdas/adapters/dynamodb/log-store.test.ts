/** The contract of the log, kept by memory and by DynamoDB. */
import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import { describe } from 'vitest';
import { createLogStore } from '../../../../lambdas/adapters/dynamodb/log-store.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { createMemoryLogStore } from '../../../support/memory-log-store.ts';
import { messageLogContract } from './log-store.contract.ts';

describe('the log in memory', () =>
  messageLogContract(() => {
    const log = createMemoryLogStore();
    return { log, drop: async (channel, seq) => log.drop(channel, seq) };
  }));

describe('the log in DynamoDB', () => {
  const dynamodb = useDynamoDb();

  messageLogContract(() => {
    const { dynamodb: ours, client, tables } = dynamodb();
    return {
      log: createLogStore(ours, tables),
      async drop(channel, seq) {
        await client.send(new DeleteCommand({ TableName: tables.messages, Key: { channel, seq } }));
      },
    };
  });
});
