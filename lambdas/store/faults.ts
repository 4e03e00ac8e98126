/** Tells the faults of DynamoDB apart: what is too busy, what lost a race, what is wrong. */
import {
  type CancellationReason,
  ConditionalCheckFailedException,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import { Busy } from '../domain/ports.ts';

/** As an error's name, and as a cancellation reason's code. */
const THROTTLING = new Set([
  'ProvisionedThroughputExceeded',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'Throttling',
  'ThrottlingError',
  'ThrottlingException',
]);

/** The result of a call of the SDK, which has tried it several times; if it was throttled to the end, a {@link Busy}. */
export async function orBusy<Output>(call: Promise<Output>): Promise<Output> {
  try {
    return await call;
  } catch (error) {
    throw translated(error);
  }
}

/** The error, or a {@link Busy} in place of one that says so. */
export const translated = (error: unknown): unknown =>
  isThrottled(error) ? new Busy('DynamoDB takes no more for now', { cause: error }) : error;

/** Like {@link orBusy}; undefined when the condition of a write did not hold. */
export async function ifHolds<Output>(call: Promise<Output>): Promise<Output | undefined> {
  try {
    return await orBusy(call);
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined;
    throw error;
  }
}

/** Why a transaction was cancelled, action by action; none if the error is another one. */
export const cancellationReasons = (error: unknown): CancellationReason[] =>
  (error instanceof TransactionCanceledException ? error.CancellationReasons : undefined) ?? [];

/** Another transaction on the same row was under way: the SDK does not try these again. */
export const isConflict = ({ Code }: CancellationReason): boolean => Code === 'TransactionConflict';

export const isConditionFailed = ({ Code }: CancellationReason): boolean => Code === 'ConditionalCheckFailed';

function isThrottled(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const codes = cancellationReasons(error).map(({ Code = '' }) => Code);
  return [error.name, ...codes].some((code) => THROTTLING.has(code));
}
