/** Reads all rows of one partition, however many pages they fill: always strongly consistent. */
import { type DynamoDBDocumentClient, paginateQuery } from '@aws-sdk/lib-dynamodb';
import { orBusy } from './faults.ts';

export async function queryAll<Row>(
  client: DynamoDBDocumentClient,
  tableName: string,
  partition: { name: string; value: string },
): Promise<Row[]> {
  const rows: Row[] = [];
  const pages = paginateQuery(
    { client },
    {
      TableName: tableName,
      KeyConditionExpression: '#partition = :partition',
      ExpressionAttributeNames: { '#partition': partition.name },
      ExpressionAttributeValues: { ':partition': partition.value },
      ConsistentRead: true,
    },
  );
  for (;;) {
    const page = await orBusy(pages.next());
    if (page.done) return rows;
    rows.push(...((page.value.Items ?? []) as Row[]));
  }
}
