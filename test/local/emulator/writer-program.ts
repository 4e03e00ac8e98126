/** Starts a DynamoDB server, writes one row, says so with the server's address, and waits to be killed. */
import { DynamoDBClient, type DynamoDBClientConfig, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { TableNames } from '../../../lambdas/adapters/dynamodb/tables.ts';
import { startDynamoDb } from '../../../local/emulator/dynamodb.ts';
import { createTables } from '../../../local/emulator/tables.ts';

/** Its one argument, as JSON. */
export interface WriterInput {
  access: DynamoDBClientConfig;
  dataFile: string;
  tables: TableNames;
  item: Record<string, { S: string } | { N: string }>;
}

const { access, dataFile, tables, item }: WriterInput = JSON.parse(process.argv[2] ?? '');
const { endpoint } = await startDynamoDb({ dataFile });
const client = new DynamoDBClient({ ...access, endpoint });
await createTables(client, tables);
await client.send(new PutItemCommand({ TableName: tables.messages, Item: item }));
process.stdout.write(endpoint);
