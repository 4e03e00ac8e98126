/** Reads the rows of one partition, however many pages they fill: always strongly consistent. */
import type { DynamoDb } from '../../aws/dynamodb.ts';
import { throwBusyIfThrottled } from './faults.ts';

export interface Partition {
  name: string;
  value: string;
}

/** `limit`: rows of a page, at most. Undefined: as many as DynamoDB puts into one. */
export async function* queryPages<Row>(
  dynamodb: DynamoDb,
  tableName: string,
  partition: Partition,
  limit?: number,
): AsyncGenerator<Row[], void> {
  let start: object | undefined;
  do {
    const page = await throwBusyIfThrottled(
      dynamodb.call('Query', {
        TableName: tableName,
        KeyConditionExpression: '#partition = :partition',
        ExpressionAttributeNames: { '#partition': partition.name },
        ExpressionAttributeValues: { ':partition': partition.value },
        ConsistentRead: true,
        ...(limit && { Limit: limit }),
        ...(start && { ExclusiveStartKey: start }),
      }),
    );
    yield (page.Items ?? []) as Row[];
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
}

export async function queryAll<Row>(
  dynamodb: DynamoDb,
  tableName: string,
  partition: Partition,
): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const page of queryPages<Row>(dynamodb, tableName, partition)) rows.push(...page);
  return rows;
}
