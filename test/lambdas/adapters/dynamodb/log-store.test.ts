/** The contract of the log, kept by memory and by DynamoDB. */
import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import { describe } from 'vitest';
import { createConnectionStore } from '../../../../lambdas/adapters/dynamodb/connection-store.ts';
import { createLogStore } from '../../../../lambdas/adapters/dynamodb/log-store.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { createMemoryConnectionStore } from '../../../support/memory-connection-store.ts';
import { createMemoryLogStore } from '../../../support/memory-log-store.ts';
import { createMemoryTables } from '../../../support/memory-tables.ts';
import { START } from './harness.ts';
import { messageLogContract } from './log-store.contract.ts';

describe('the log in memory', () =>
  messageLogContract(() => {
    const tables = createMemoryTables();
    const log = createMemoryLogStore(undefined, tables.isOpen);
    const connections = createMemoryConnectionStore(() => START, tables);
    return { log, connections, drop: async (channel, seq) => log.drop(channel, seq) };
  }));

describe('the log in DynamoDB', () => {
  const dynamodb = useDynamoDb();

  messageLogContract(() => {
    const { dynamodb: ours, client, tables } = dynamodb();
    return {
      log: createLogStore(ours, tables),
      connections: createConnectionStore(ours, tables, () => START),
      async drop(channel, seq) {
        await client.send(new DeleteCommand({ TableName: tables.messages, Key: { channel, seq } }));
      },
    };
  });
});
