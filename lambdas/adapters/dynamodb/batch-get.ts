/** Reads some rows by their keys at once: each strongly consistent, all together no snapshot. */
import type { BatchKeys, DynamoDb } from '../../aws/dynamodb.ts';
import { allEnded, batchesOf } from '../../concurrency.ts';
import { Busy } from '../../domain/errors.ts';
import { throwBusyIfThrottled } from './faults.ts';

/**
 * What DynamoDB leaves unprocessed is asked for again: a page ends at 16 MB, or under throttling.
 */
const MAX_TRIES = 5;

/** DynamoDB's limit on one request. */
const MAX_KEYS = 100;

interface RowKey {
  tableName: string;
  key: object;
}

/** Rows of one table. */
export async function batchGet<Row>(dynamodb: DynamoDb, tableName: string, keys: object[]): Promise<Row[]> {
  const rowsOf = await batchGetOf(
    dynamodb,
    keys.map((key) => ({ tableName, key })),
  );
  return rowsOf<Row>(tableName);
}

/**
 * Rows of several tables. Each key once, however many: DynamoDB refuses a request that names one
 * twice. Rows that do not exist are not among the answer.
 */
export async function batchGetOf(
  dynamodb: DynamoDb,
  keys: RowKey[],
): Promise<<Row>(tableName: string) => Row[]> {
  const answers = await allEnded(batchesOf(keys, MAX_KEYS).map((batch) => getBatch(dynamodb, batch)));
  return <Row>(tableName: string) => answers.flat().flatMap((rows) => (rows[tableName] ?? []) as Row[]);
}

/** By table: the rows of each request. */
async function getBatch(dynamodb: DynamoDb, keys: RowKey[]): Promise<Record<string, object[]>[]> {
  const answers: Record<string, object[]>[] = [];
  let left = requestOf(keys);
  for (let tries = 0; Object.keys(left).length > 0; tries++) {
    if (tries === MAX_TRIES) throw new Busy(`some of ${keys.length} rows were not read`);
    const { Responses = {}, UnprocessedKeys = {} } = await throwBusyIfThrottled(
      dynamodb.call('BatchGetItem', { RequestItems: left }),
    );
    answers.push(Responses);
    left = requestOf(
      Object.entries(UnprocessedKeys).flatMap(([tableName, { Keys }]) =>
        Keys.map((key) => ({ tableName, key })),
      ),
    );
  }
  return answers;
}

const requestOf = (keys: RowKey[]): Record<string, BatchKeys> =>
  Object.fromEntries(
    [...Map.groupBy(keys, ({ tableName }) => tableName)].map(([tableName, ofTable]) => [
      tableName,
      { Keys: ofTable.map(({ key }) => key as BatchKeys['Keys'][number]), ConsistentRead: true },
    ]),
  );
