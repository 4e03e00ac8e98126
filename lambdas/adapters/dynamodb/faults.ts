/** Tells the faults of DynamoDB apart: what is too busy, what lost a race, what is wrong. */
import { type CancellationReason, DynamoDbError, THROTTLING } from '../../aws/dynamodb.ts';
import { Busy } from '../../domain/errors.ts';

/**
 * The result of a call that our client tried several times. Rejects with a {@link Busy} if DynamoDB
 * throttled all tries.
 */
export async function throwBusyIfThrottled<Output>(call: Promise<Output>): Promise<Output> {
  try {
    return await call;
  } catch (error) {
    throw translated(error);
  }
}

/** A {@link Busy} if the error says that DynamoDB throttled the call, else the error itself. */
export const translated = (error: unknown): unknown =>
  isThrottled(error) ? new Busy('DynamoDB takes no more for now', { cause: error }) : error;

/** Like {@link throwBusyIfThrottled}; undefined when the condition of a write did not hold. */
export async function ifHolds<Output>(call: Promise<Output>): Promise<Output | undefined> {
  try {
    return await throwBusyIfThrottled(call);
  } catch (error) {
    if (isFault(error, 'ConditionalCheckFailedException')) return undefined;
    throw error;
  }
}

/** A transaction on a row is over within milliseconds. */
const CONFLICT_TRIES = 8;

/**
 * Repeats a write that met a transaction on its row: a connection that subscribes while it is
 * closed, or paused. Our client does not repeat a call for this reason. Rejects with a {@link Busy}
 * if it met one each time.
 */
export async function outlastTransactions<Output>(call: () => Promise<Output>): Promise<Output> {
  for (let tries = 0; tries < CONFLICT_TRIES; tries++) {
    try {
      return await throwBusyIfThrottled(call());
    } catch (error) {
      if (!isFault(error, 'TransactionConflictException')) throw error;
    }
  }
  throw new Busy('the row is part of one transaction after the other');
}

/** Whether DynamoDB refused for this reason. */
export const isFault = (error: unknown, name: string): error is DynamoDbError =>
  error instanceof DynamoDbError && error.name === name;

/** Why a transaction was cancelled, action by action. Empty if the error is of another kind. */
export const cancellationReasons = (error: unknown): CancellationReason[] =>
  isFault(error, 'TransactionCanceledException') ? error.CancellationReasons : [];

/**
 * Another transaction on the same row was under way. Our client does not repeat a call for this
 * reason.
 */
export const isConflict = ({ Code }: CancellationReason): boolean => Code === 'TransactionConflict';

export const isConditionFailed = ({ Code }: CancellationReason): boolean => Code === 'ConditionalCheckFailed';

const isThrottled = (error: unknown): boolean =>
  error instanceof DynamoDbError &&
  [error.name, ...cancellationReasons(error).map(({ Code }) => Code)].some((code) => THROTTLING.has(code));
