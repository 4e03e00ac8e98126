/**
 * Publishes the rows of the outbox: those that the stream of its table tells of, and those of the
 * outbox queue, which are tried again.
 */
import type {
  DynamoDBBatchResponse,
  DynamoDBRecord,
  DynamoDBStreamEvent,
  SQSBatchResponse,
  SQSEvent,
  SQSRecord,
} from 'aws-lambda';
import { outboxRowIn } from '../adapters/dynamodb/outbox-records.ts';
import { outboxRowOf } from '../adapters/queue/outbox.ts';
import { asError } from '../domain/errors.ts';
import { type OutboxApp, publishRow } from '../domain/publish/outbox.ts';

/**
 * A row that cannot be published for now goes to the queue, so the stream goes on with the others.
 * Reported are only those for which not even that was possible: Lambda sends these again.
 */
export const createOutboxHandler =
  (app: OutboxApp) =>
  async ({ Records }: DynamoDBStreamEvent | SQSEvent): Promise<DynamoDBBatchResponse | SQSBatchResponse> => {
    const failures = await Promise.all([...itemsOf(Records)].map((records) => serve(app, records)));
    return { batchItemFailures: failures.flat() };
  };

type Item = DynamoDBRecord | SQSRecord;

/** The records of one row stand behind each other, as the stream has them. */
function itemsOf(records: readonly Item[]): Iterable<Item[]> {
  const keyOf = (record: Item) => ('messageId' in record ? record.messageId : record.dynamodb?.Keys?.id?.S);
  return Map.groupBy(records, keyOf).values();
}

/** After a failure the later ones of the row would overtake it. */
async function serve(app: OutboxApp, records: Item[]): Promise<{ itemIdentifier: string }[]> {
  for (const record of records) {
    try {
      const row = 'messageId' in record ? outboxRowOf(record) : outboxRowIn(record);
      if (row) await publishRow(app, row);
    } catch (error) {
      const itemIdentifier = identifierOf(record);
      app.logger.error('outbox record failed', { itemIdentifier, error: asError(error) });
      return [{ itemIdentifier }];
    }
  }
  return [];
}

const identifierOf = (record: Item): string =>
  'messageId' in record ? record.messageId : (record.dynamodb?.SequenceNumber ?? '');
