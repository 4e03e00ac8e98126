/**
 * Puts a row that only a client brings about: while its connection is there, and not being closed.
 * What comes late, such as the last ack of a user who is erased, brings no row back.
 */
import type { DynamoDb, Put, TransactWrite } from '../../aws/dynamodb.ts';
import { Busy } from '../../domain/errors.ts';
import type { ConnectionKey } from '../../domain/model.ts';
import { cancellationReasons, isConditionFailed, isConflict, throwBusyIfThrottled } from './faults.ts';

/** A connection that is being closed must not come to hear anything more, nor leave anything. */
export const isOpen = 'attribute_exists(userId) AND attribute_not_exists(bye)';

/** Another transaction, or a write of the connection's row, comes between. */
const MAX_TRIES = 8;

/** `refused`: what was to hold does not, and nothing is there. `exists`: there is a row already. */
export type PutOutcome = 'put' | 'exists' | 'refused';

/** `put`: with the condition that there is no row yet. `by` undefined: nothing is put. */
export type PutWhileOpen = (put: Put, by: ConnectionKey | undefined) => Promise<PutOutcome>;

export function createPutWhileOpen(dynamodb: DynamoDb, connections: string): PutWhileOpen {
  return async (put, by) => {
    if (by === undefined) return 'refused';
    const { userId, connectionId } = by;
    const Key = { userId, connectionId };
    return await putIf(dynamodb, put, { TableName: connections, Key, ConditionExpression: isOpen });
  };
}

/** Puts a row that is not there yet, if the condition of another row holds. */
export async function putIf(
  dynamodb: DynamoDb,
  put: Put,
  check: Extract<TransactWrite, { ConditionCheck: object }>['ConditionCheck'],
): Promise<PutOutcome> {
  const TransactItems = [{ ConditionCheck: check }, { Put: put }];
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    try {
      await throwBusyIfThrottled(dynamodb.call('TransactWriteItems', { TransactItems }));
      return 'put';
    } catch (error) {
      const [checked, present] = cancellationReasons(error);
      if (checked && isConditionFailed(checked)) return 'refused';
      if (present && isConditionFailed(present)) return 'exists';
      if (!cancellationReasons(error).some(isConflict)) throw error;
    }
  }
  throw new Busy('a row is written by others each time');
}
