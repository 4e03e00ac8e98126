/** Reads some rows by their keys at once: strongly consistent, in no order. */
import type { DynamoDb } from '../../aws/dynamodb.ts';
import { allEnded, batchesOf } from '../../concurrency.ts';
import { Busy } from '../../domain/errors.ts';
import { throwBusyIfThrottled } from './faults.ts';

/**
 * What DynamoDB leaves unprocessed is asked for again: a page ends at 16 MB, or under throttling.
 */
const MAX_TRIES = 5;

/** DynamoDB's limit on one request. */
const MAX_KEYS = 100;

/**
 * Each key once, however many: DynamoDB refuses a request that names one twice. Rows that do not
 * exist are not among the answer.
 */
export async function batchGet<Row>(dynamodb: DynamoDb, tableName: string, keys: object[]): Promise<Row[]> {
  const batches = batchesOf(keys, MAX_KEYS);
  return (await allEnded(batches.map((batch) => getBatch<Row>(dynamodb, tableName, batch)))).flat();
}

async function getBatch<Row>(dynamodb: DynamoDb, tableName: string, keys: object[]): Promise<Row[]> {
  const rows: Row[] = [];
  let left = keys;
  for (let tries = 0; left.length > 0; tries++) {
    if (tries === MAX_TRIES) throw new Busy(`${left.length} of ${keys.length} rows were not read`);
    const RequestItems = { [tableName]: { Keys: left, ConsistentRead: true } };
    const { Responses, UnprocessedKeys } = await throwBusyIfThrottled(
      dynamodb.call('BatchGetItem', { RequestItems }),
    );
    rows.push(...((Responses?.[tableName] ?? []) as Row[]));
    left = UnprocessedKeys?.[tableName]?.Keys ?? [];
  }
  return rows;
}
