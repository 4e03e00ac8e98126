/** A serializable read of rows of one table. */
import type { DynamoDb } from '../../aws/dynamodb.ts';
import { cancellationReasons, isConflict, throwBusyIfThrottled } from './faults.ts';

/**
 * The rows of the keys, in their order; undefined where there is none. `in_doubt`: a transaction
 * that writes one of them is under way.
 */
export async function transactGet<Row>(
  dynamodb: DynamoDb,
  TableName: string,
  keys: object[],
): Promise<(Row | undefined)[] | 'in_doubt'> {
  const TransactItems = keys.map((Key) => ({ Get: { TableName, Key } }));
  try {
    const answer = await throwBusyIfThrottled(dynamodb.call('TransactGetItems', { TransactItems }));
    return (answer.Responses ?? []).map(({ Item }) => Item as Row | undefined);
  } catch (error) {
    if (cancellationReasons(error).some(isConflict)) return 'in_doubt';
    throw error;
  }
}
