/** Reads all rows of one partition, however many pages they fill: always strongly consistent. */
import type { DynamoDb } from '../aws/dynamodb.ts';
import { orBusy } from './faults.ts';

export async function queryAll<Row>(
  dynamodb: DynamoDb,
  tableName: string,
  partition: { name: string; value: string },
): Promise<Row[]> {
  const rows: Row[] = [];
  let start: object | undefined;
  do {
    const page = await orBusy(
      dynamodb.call('Query', {
        TableName: tableName,
        KeyConditionExpression: '#partition = :partition',
        ExpressionAttributeNames: { '#partition': partition.name },
        ExpressionAttributeValues: { ':partition': partition.value },
        ConsistentRead: true,
        ...(start && { ExclusiveStartKey: start }),
      }),
    );
    rows.push(...((page.Items ?? []) as Row[]));
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
  return rows;
}
