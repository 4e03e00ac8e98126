/** Serves the ranges of large fan-outs that stand in the queue. */
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { taskIn } from '../adapters/queue/fan-out.ts';
import type { App } from '../domain/app.ts';
import { asError } from '../domain/errors.ts';
import { serveRange } from '../domain/publish/fan-out.ts';
import { FAN_OUT_WORKERS } from '../domain/settings.ts';
import type { Invocation } from './events.ts';

/** A page that was begun still has to be posted. */
const RANGE_MARGIN_MS = 30_000;

/** Reports each message that failed: the queue hands it over again, and at last keeps it. */
export const createFanOutHandler =
  (app: App) =>
  async ({ Records }: SQSEvent, context: Invocation): Promise<SQSBatchResponse> => {
    const deadlineAt = app.clock.now() + context.getRemainingTimeInMillis() - RANGE_MARGIN_MS;
    const failures = await Promise.all(Records.map((record) => serve(app, record, deadlineAt)));
    return { batchItemFailures: failures.flat() };
  };

async function serve(
  app: App,
  record: SQSRecord,
  deadlineAt: number,
): Promise<SQSBatchResponse['batchItemFailures']> {
  try {
    const perSecond = Math.max(1, app.settings.fanOutRate / FAN_OUT_WORKERS);
    await serveRange(app, taskIn(record), { deadlineAt, perSecond });
    return [];
  } catch (error) {
    app.logger.metrics({ rangesFailed: 1 });
    app.logger.error('range failed', { messageId: record.messageId, error: asError(error) });
    return [{ itemIdentifier: record.messageId }];
  }
}
