/**
 * Publishes the rows that services put into the outbox by transactions of their own: each as one
 * message by its id, however often the stream or the queue hands it over.
 */
import { RequestError } from '../../protocol/errors.ts';
import { parseOutboxEntry } from '../../protocol/outbox.ts';
import type { App } from '../app.ts';
import { asError } from '../errors.ts';
import type { OutboxQueue, OutboxRow, OutboxRows } from '../ports/outbox.ts';
import { type PublishAnswer, publish, type Unpublished } from './publish.ts';

export interface OutboxApp extends App {
  outboxRows: OutboxRows;
  outboxQueue: OutboxQueue;
}

/** The first wait before another try; it doubles from try to try, up to the longest of a queue. */
const RETRY_SECONDS = 5;
const MAX_RETRY_SECONDS = 900;
/**
 * An id is known for 24 hours. After them a repetition would be a second message for the users who
 * have the first.
 */
const GIVE_UP_AFTER_MS = 23 * 3_600_000;

/**
 * What becomes of the row: it is published and taken away; or tried again later, as long as some of
 * its users, or all, fail for now; or given up with the reason. Rejects when that could not be
 * written down: then the row is to be handed over again.
 */
export async function publishRow(app: OutboxApp, row: OutboxRow): Promise<void> {
  const { clock, outboxRows, outboxQueue, logger } = app;
  const { id, tries, firstTriedAt = clock.now() } = row;
  const outcome = await tryToPublish(app, row);
  if (outcome.kind === 'published') return await outboxRows.remove(id);
  const isInTime = clock.now() - firstTriedAt < GIVE_UP_AFTER_MS;
  if (outcome.kind === 'wrong' || !isInTime) return await giveUp(app, row, outcome.reason);
  const delaySeconds = Math.min(MAX_RETRY_SECONDS, RETRY_SECONDS * 2 ** tries);
  logger.warn('outbox row put off', { id, tries: tries + 1, delaySeconds });
  await outboxQueue.retry({ ...row, tries: tries + 1, firstTriedAt }, delaySeconds);
}

/**
 * Sends the dead letter, then marks the row. If the Lambda fails between the two, the next try does
 * both again. So there is a dead letter for every row that is marked `failed`, and for those that
 * have no room for the mark.
 */
async function giveUp({ outboxRows, outboxQueue, logger }: OutboxApp, row: OutboxRow, reason: string) {
  logger.metrics({ outboxFailed: 1 }, 'outbox row given up', { id: row.id, tries: row.tries + 1 });
  await outboxQueue.sendDeadLetter(row, reason);
  const isMarked = await outboxRows.markFailed(row, reason);
  if (!isMarked) logger.warn('outbox row has no room for its reason', { id: row.id });
}

/** `passing`: the same may succeed later. */
type Outcome = { kind: 'published' } | { kind: 'passing' | 'wrong'; reason: string };

async function tryToPublish(app: OutboxApp, row: OutboxRow): Promise<Outcome> {
  try {
    return outcomeOf(await publish(app, parseOutboxEntry(row)));
  } catch (error) {
    if (error instanceof RequestError) return { kind: 'wrong', reason: error.message };
    app.logger.error('outbox row failed', { id: row.id, error: asError(error) });
    return { kind: 'passing', reason: asError(error).message };
  }
}

/** While some users may still get it, the others' conflict does not end the tries. */
function outcomeOf({ results }: PublishAnswer): Outcome {
  const faults = results.filter((result): result is Unpublished => 'error' in result);
  if (faults.length === 0) return { kind: 'published' };
  const reason = faults
    .map(({ userId, channel, error }) => `${userId ?? channel}: ${error.message}`)
    .join('; ');
  return { kind: faults.some(({ error }) => error.retryable) ? 'passing' : 'wrong', reason };
}
