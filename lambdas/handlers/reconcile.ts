/** The Connections table's stream: brings every connection that is asked for to where it should be. */
import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';
import { reconcileRequests } from '../adapters/dynamodb/stream-records.ts';
import type { App } from '../domain/app.ts';
import { asError } from '../domain/errors.ts';
import { logged } from '../domain/log-fields.ts';
import { reconcile } from '../domain/session/reconcile.ts';
import type { Invocation } from './events.ts';

/** A replay begins no window any more when less time is left; it goes on in another invocation. */
const REPLAY_MARGIN_MS = 60_000;

/**
 * Serves all connections of a batch at once; how many that may be, the event source says
 * (`manifest.ts`). Reports each record that failed: Lambda sends again from the lowest on. Requests
 * for one connection in several batches may run at once; each replays from the cursor, so the client
 * sees at worst a message twice.
 */
export const createReconcileHandler =
  (app: App) =>
  async ({ Records }: DynamoDBStreamEvent, context: Invocation): Promise<DynamoDBBatchResponse> => {
    const deadlineAt = app.clock.now() + context.getRemainingTimeInMillis() - REPLAY_MARGIN_MS;
    const requests = reconcileRequests(Records);
    const failures = await Promise.all(
      requests.map(async ({ key, after, first }) => {
        try {
          await reconcile(app, key, after, deadlineAt);
          return [];
        } catch (error) {
          app.logger.error('reconcile failed', { ...logged(key), error: asError(error) });
          return [{ itemIdentifier: first }];
        }
      }),
    );
    return { batchItemFailures: failures.flat() };
  };
