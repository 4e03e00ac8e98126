/**
 * Waits for the outcome of our own transaction: its answer was lost, it was sent again, and
 * DynamoDB says that the first request is still in progress.
 */
import { backOffMs } from '../back-off.ts';
import { DynamoDbError } from './dynamodb.ts';
import type { Clock } from './retry.ts';

const BASE_MS = 500;
const MAX_MS = 2000;
/**
 * A try that comes later than this after the first makes DynamoDB complete a transaction that it
 * had left half done.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html#API_TransactWriteItems_Errors
 */
const COMPLETED_AFTER_MS = 5000;

/**
 * Calls `attempt`, always with the same request token, until DynamoDB tells the outcome. Rejects if
 * a try later than {@link COMPLETED_AFTER_MS} does not learn the outcome either.
 */
export async function waitOutTransaction<Result>(
  attempt: () => Promise<Result>,
  clock: Clock,
): Promise<Result> {
  const firstAt = clock.now();
  for (let tries = 1; ; tries++) {
    const triedAt = clock.now();
    try {
      return await attempt();
    } catch (error) {
      if (!isInProgress(error) || triedAt - firstAt > COMPLETED_AFTER_MS) throw error;
      await clock.sleep(Math.min(BASE_MS + backOffMs(tries, BASE_MS), MAX_MS));
    }
  }
}

const isInProgress = (error: unknown): boolean =>
  error instanceof DynamoDbError && error.name === 'TransactionInProgressException';
