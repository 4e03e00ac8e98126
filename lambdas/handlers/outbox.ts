/**
 * Publishes the rows of the outbox: those that the stream of its table tells of, and those of the
 * outbox queue, which are tried again.
 */
import { outboxRowIn } from '../adapters/dynamodb/outbox-records.ts';
import { outboxRowOf } from '../adapters/queue/outbox.ts';
import { type OutboxApp, publishRow } from '../domain/publish/outbox.ts';
import { type BatchResponse, type Item, type RecordsEvent, serveInOrder } from './records.ts';

/**
 * A row that cannot be published for now goes to the queue, so the stream goes on with the others.
 * Reported are only those for which not even that was possible.
 */
export const createOutboxHandler =
  (app: OutboxApp) =>
  async (event: RecordsEvent): Promise<BatchResponse> =>
    await serveInOrder(event, {
      key: 'id',
      serve: (item) => publishOne(app, item),
      logger: app.logger,
      failure: 'outbox record failed',
    });

async function publishOne(app: OutboxApp, item: Item): Promise<void> {
  const row = 'messageId' in item ? outboxRowOf(item) : outboxRowIn(item);
  if (row) await publishRow(app, row);
}
