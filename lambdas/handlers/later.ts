/**
 * Looks up what is due: whether a message is still unanswered, and whether a user is still away.
 * Driven by the queue `later`.
 */
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { wakeUpIn } from '../adapters/queue/later.ts';
import { checkOffline, type OfflineApp } from '../domain/connection/lifecycle.ts';
import { asError } from '../domain/errors.ts';
import { type EscalationApp, lookUpUnanswered } from '../domain/escalation.ts';

type LaterApp = EscalationApp & OfflineApp;

/** Reports each message that failed: the queue hands it over again, and at last keeps it. */
export const createLaterHandler =
  (app: LaterApp) =>
  async ({ Records }: SQSEvent): Promise<SQSBatchResponse> => {
    const failures = await Promise.all(Records.map((record) => serve(app, record)));
    return { batchItemFailures: failures.flat() };
  };

async function serve(app: LaterApp, record: SQSRecord): Promise<SQSBatchResponse['batchItemFailures']> {
  try {
    const wakeUp = wakeUpIn(record);
    const isRepeated = Number(record.attributes.ApproximateReceiveCount) > 1;
    if ('closedAt' in wakeUp) await checkOffline(app, wakeUp, isRepeated);
    else await lookUpUnanswered(app, wakeUp);
    return [];
  } catch (error) {
    app.logger.error('look-up failed', { messageId: record.messageId, error: asError(error) });
    return [{ itemIdentifier: record.messageId }];
  }
}
