/**
 * Brings every connection that is asked for to where it should be. Asked by the stream of the
 * Connections table, and by the reconcile queue where it is to be tried again later.
 */
import type { DynamoDBRecord, SQSRecord } from 'aws-lambda';
import { type RecordedRequest, reconcileRequests } from '../adapters/dynamodb/stream-records.ts';
import { requestIn } from '../adapters/queue/later.ts';
import { asError, Busy } from '../domain/errors.ts';
import { logged } from '../domain/log-fields.ts';
import type { ReconcileRequest } from '../domain/ports/later.ts';
import { reconcile } from '../domain/session/reconcile.ts';
import type { PumpApp } from '../domain/stomp/app.ts';
import { PENDING_MS, reapPending } from '../domain/stomp/pending.ts';
import { pump } from '../domain/stomp/pump.ts';
import type { PendingStore } from '../domain/stomp/sockets.ts';
import { isPendingName, isSocketName, pendingIn } from '../protocol/socket-names.ts';
import type { Invocation } from './events.ts';
import type { BatchResponse, RecordsEvent } from './records.ts';

export type ReconcilingApp = PumpApp & { pending: PendingStore };

/** A replay begins no window any more when less time is left; it goes on in another invocation. */
const REPLAY_MARGIN_MS = 60_000;

/**
 * When a queued request is tried again after a fault of the stores. Left to the queue itself, the
 * request would be hidden for twelve minutes.
 */
const FAULT_DELAY_SECONDS = 30;
/** The same where a store has too much to do, or others write the same row: that passes sooner. */
const BUSY_DELAY_SECONDS = 1;

/**
 * Serves all connections of a batch at once. `manifest.ts` says how many a batch may have. Reports
 * each record that a fault of the stores made fail: Lambda sends these again, and of a stream
 * everything from the lowest on. Requests for one connection may stand in several batches that run
 * at once: the lease of the connection lets one replay run.
 */
export const createReconcileHandler =
  (app: ReconcilingApp) =>
  async ({ Records }: RecordsEvent, context: Invocation): Promise<BatchResponse> => {
    const deadlineAt = app.clock.now() + context.getRemainingTimeInMillis() - REPLAY_MARGIN_MS;
    const queued = Records.filter((record) => 'messageId' in record);
    const streamed = Records.filter((record): record is DynamoDBRecord => !('messageId' in record));
    const failures = await Promise.all([
      ...queued.map((record) => serveQueued(app, record, deadlineAt)),
      ...reconcileRequests(streamed).map((request) => serveStreamed(app, request, deadlineAt)),
    ]);
    return { batchItemFailures: failures.flat() };
  };

/** Sockets of STOMP stand beside the connections, under names of their own. */
async function serve(app: ReconcilingApp, request: ReconcileRequest, deadlineAt: number): Promise<void> {
  const { userId, connectionId } = request;
  if (isSocketName(userId)) await pump(app, connectionId, deadlineAt);
  else if (isPendingName(userId)) await reapPending(app, pendingIn(connectionId));
  else await reconcile(app, request, deadlineAt);
}

type Failures = { itemIdentifier: string }[];

async function serveStreamed(
  app: ReconcilingApp,
  { itemIdentifier, ...request }: RecordedRequest,
  deadlineAt: number,
): Promise<Failures> {
  try {
    // A pending socket has its time yet.
    if (isPendingName(request.userId)) await app.later.reconcile(request, PENDING_MS / 1000);
    else await serve(app, request, deadlineAt);
    return [];
  } catch (error) {
    app.logger.error('reconcile failed', { ...logged(request), error: asError(error) });
    return [{ itemIdentifier }];
  }
}

async function serveQueued(app: ReconcilingApp, record: SQSRecord, deadlineAt: number): Promise<Failures> {
  try {
    const request = requestIn(record);
    try {
      await serve(app, request, deadlineAt);
    } catch (error) {
      app.logger.error('reconcile failed', { ...logged(request), error: asError(error) });
      await app.later.reconcile(request, error instanceof Busy ? BUSY_DELAY_SECONDS : FAULT_DELAY_SECONDS);
    }
    return [];
  } catch (error) {
    app.logger.error('retry failed', { messageId: record.messageId, error: asError(error) });
    return [{ itemIdentifier: record.messageId }];
  }
}
