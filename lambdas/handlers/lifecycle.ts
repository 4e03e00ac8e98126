/**
 * Tells the application who comes and goes. Driven by the stream of the Connections table, and by
 * the presence queue where it is to be looked up later whether a user is still away.
 */
import type {
  DynamoDBBatchResponse,
  DynamoDBRecord,
  DynamoDBStreamEvent,
  SQSBatchResponse,
  SQSEvent,
  SQSRecord,
} from 'aws-lambda';
import { connectionChangeIn } from '../adapters/dynamodb/lifecycle-records.ts';
import { offlineCheckIn } from '../adapters/queue/offline-checks.ts';
import { checkOffline, type LifecycleApp, tellChange } from '../domain/connection/lifecycle.ts';
import { asError } from '../domain/errors.ts';

/** Reports each record that failed: Lambda sends it again, and of a stream all that follow it. */
export const createLifecycleHandler =
  (app: LifecycleApp) =>
  async ({ Records }: DynamoDBStreamEvent | SQSEvent): Promise<DynamoDBBatchResponse | SQSBatchResponse> => {
    const failures = await Promise.all([...inOrder(Records)].map((records) => serve(app, records)));
    return { batchItemFailures: failures.flat() };
  };

type Item = DynamoDBRecord | SQSRecord;

/** The records of one user follow each other, as the stream has them. */
const inOrder = (records: readonly Item[]): Iterable<Item[]> =>
  Map.groupBy(records, (record) =>
    'messageId' in record ? record.messageId : record.dynamodb?.Keys?.userId?.S,
  ).values();

async function serve(app: LifecycleApp, records: Item[]): Promise<{ itemIdentifier: string }[]> {
  for (const record of records) {
    try {
      await serveOne(app, record);
    } catch (error) {
      const itemIdentifier =
        'messageId' in record ? record.messageId : (record.dynamodb?.SequenceNumber ?? '');
      app.logger.error('event failed', { itemIdentifier, error: asError(error) });
      return [{ itemIdentifier }];
    }
  }
  return [];
}

async function serveOne(app: LifecycleApp, record: Item): Promise<void> {
  if ('messageId' in record) return await checkOffline(app, offlineCheckIn(record));
  const change = connectionChangeIn(record);
  if (change) await tellChange(app, change);
}
