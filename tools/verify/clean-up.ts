/** Deletes the rows the suite wrote: those of its own users and topics, whose names nobody else has. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchWriteCommand, DynamoDBDocumentClient, paginateQuery } from '@aws-sdk/lib-dynamodb';
import { TABLES, type TableNames } from '../../lambdas/adapters/dynamodb/tables.ts';
import { awsClient } from './aws.ts';
import type { TargetSettings } from './settings.ts';

/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html */
const MAX_BATCH = 25;

export async function deleteRows(
  settings: TargetSettings,
  users: Iterable<string>,
  topics: Iterable<string>,
): Promise<void> {
  const { tables } = settings;
  if (!tables) return;
  const client = new DynamoDBClient(awsClient(settings));
  const dynamodb = DynamoDBDocumentClient.from(client);
  try {
    const channels = [...users]
      .map((user) => `user:${user}`)
      .concat([...topics].map((topic) => `topic:${topic}`));
    const owners: Record<string, string[]> = {
      channel: channels,
      userId: [...users],
    };
    for (const [table, name] of Object.entries(tables)) {
      if (!isOurs(table)) continue;
      for (const owner of owners[TABLES[table].partition.name] ?? [])
        await deletePartition(dynamodb, name, table, owner);
    }
  } finally {
    client.destroy();
  }
}

const isOurs = (table: string): table is keyof TableNames => Object.hasOwn(TABLES, table);

async function deletePartition(
  client: DynamoDBDocumentClient,
  TableName: string,
  table: keyof TableNames,
  value: string,
): Promise<void> {
  const { partition, sort } = TABLES[table];
  if (sort === undefined) return; // what the outbox is given it gives back
  const query = {
    TableName,
    KeyConditionExpression: '#partition = :partition',
    ProjectionExpression: '#partition, #sort',
    ExpressionAttributeNames: { '#partition': partition.name, '#sort': sort.name },
    ExpressionAttributeValues: { ':partition': value },
    ConsistentRead: true,
  };
  for await (const { Items = [] } of paginateQuery({ client, pageSize: 500 }, query)) {
    for (let at = 0; at < Items.length; at += MAX_BATCH) {
      await deleteBatch(client, TableName, Items.slice(at, at + MAX_BATCH));
    }
  }
}

async function deleteBatch(
  client: DynamoDBDocumentClient,
  TableName: string,
  keys: Record<string, unknown>[],
) {
  let left = keys;
  for (let attempt = 0; left.length > 0 && attempt < 5; attempt++) {
    const { UnprocessedItems } = await client.send(
      new BatchWriteCommand({
        RequestItems: { [TableName]: left.map((Key) => ({ DeleteRequest: { Key } })) },
      }),
    );
    left = (UnprocessedItems?.[TableName] ?? []).flatMap(({ DeleteRequest }) => DeleteRequest?.Key ?? []);
  }
}
