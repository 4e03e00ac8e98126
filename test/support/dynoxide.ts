/** A DynamoDB server of its own for each test file, with the tables under names that no other file uses. */
import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll } from 'vitest';
import { createDynamoDb } from '#aws-client';
import type { TableNames } from '../../lambdas/adapters/dynamodb/tables.ts';
import type { DynamoDb } from '../../lambdas/aws/dynamodb.ts';
import type { Access } from '../../lambdas/aws/signature.ts';
import { startDynamoDb } from '../../local/emulator/dynamodb.ts';
import { createTables } from '../../local/emulator/tables.ts';

export interface TestDynamoDb {
  endpoint: string;
  /** What the stores call. */
  dynamodb: DynamoDb;
  /** For what a test itself reads and writes. */
  client: DynamoDBDocumentClient;
  tables: TableNames;
}

/** What the SDK needs to talk to a server that checks neither. */
export const LOCAL_ACCESS = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
} as const;

/** The same for our own client. */
export const readLocalAccess = (): Access => ({
  region: LOCAL_ACCESS.region,
  ...LOCAL_ACCESS.credentials,
  sessionToken: undefined,
});

export function uniqueTableNames(): TableNames {
  const prefix = `test-${randomUUID()}`;
  return {
    connections: `${prefix}-connections`,
    devices: `${prefix}-devices`,
    messages: `${prefix}-messages`,
    publishes: `${prefix}-publishes`,
    subscriptions: `${prefix}-subscriptions`,
    members: `${prefix}-members`,
    cursors: `${prefix}-cursors`,
    outbox: `${prefix}-outbox`,
    presence: `${prefix}-presence`,
  };
}

/** For a `describe` or a whole file: runs from before its first test until after its last. Call the result inside tests. */
export function useDynamoDb(): () => TestDynamoDb {
  let running: TestDynamoDb | undefined;
  let stop: (() => Promise<void>) | undefined;

  beforeAll(async () => {
    const server = await startDynamoDb();
    stop = server.stop;
    const client = new DynamoDBClient({ ...LOCAL_ACCESS, endpoint: server.endpoint });
    const tables = uniqueTableNames();
    await createTables(client, tables);
    const { endpoint } = server;
    running = {
      endpoint,
      dynamodb: createDynamoDb({ readAccess: readLocalAccess, endpoint }),
      client: DynamoDBDocumentClient.from(client),
      tables,
    };
  });

  afterAll(async () => {
    running?.client.destroy();
    await stop?.();
  });

  return () => {
    if (!running) throw new Error('DynamoDB runs only while tests do');
    return running;
  };
}
