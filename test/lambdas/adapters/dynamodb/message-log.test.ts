/** The contract of the log, kept by memory and by DynamoDB. */
import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import { describe } from 'vitest';
import { createMessageLog } from '../../../../lambdas/adapters/dynamodb/message-log.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { createMemoryMessageLog } from '../../../support/memory-message-log.ts';
import { messageLogContract } from './message-log.contract.ts';

describe('the log in memory', () =>
  messageLogContract(() => {
    const log = createMemoryMessageLog();
    return { log, drop: async (channel, seq) => log.drop(channel, seq) };
  }));

describe('the log in DynamoDB', () => {
  const dynamodb = useDynamoDb();

  messageLogContract(() => {
    const { dynamodb: ours, client, tables } = dynamodb();
    return {
      log: createMessageLog(ours, tables),
      async drop(channel, seq) {
        await client.send(new DeleteCommand({ TableName: tables.messages, Key: { channel, seq } }));
      },
    };
  });
});
