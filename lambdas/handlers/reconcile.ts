/** The Connections table's stream: brings every connection that is asked for to where it should be. */
import type { AttributeValue, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { createApp } from '../app.ts';
import type { App } from '../domain/app.ts';
import { mapConcurrently } from '../domain/concurrency.ts';
import { logged } from '../domain/connection/close.ts';
import type { ConnectionKey } from '../domain/ports.ts';
import { asError } from '../domain/publish/deliver.ts';
import { drive } from '../domain/session/replay.ts';
import { readEnv } from '../env.ts';

/** A replay that is not done by then goes on in another invocation. */
const BUDGET_MS = 60_000;
const CONCURRENT_CONNECTIONS = 20;

/**
 * Reports each record that failed: Lambda sends again from the lowest on. Requests for one connection in several batches may run
 * at once; each replays from the cursor, so the client sees at worst a message twice.
 */
export const createReconcileHandler =
  (app: App) =>
  async ({ Records }: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> => {
    const deadlineAt = app.clock.now() + BUDGET_MS;
    const requests = joined(Records.filter(isRequest));
    const failures = await mapConcurrently(
      requests,
      CONCURRENT_CONNECTIONS,
      async ({ key, after, first }) => {
        try {
          await drive(app, key, after, deadlineAt);
          return [];
        } catch (error) {
          app.logger.error('replay failed', { ...logged(key), error: asError(error) });
          return [{ itemIdentifier: first }];
        }
      },
    );
    return { batchItemFailures: failures.flat() };
  };

interface Request {
  key: ConnectionKey;
  after: number | undefined;
  /** Sequence number of its first record. */
  first: string;
}

/**
 * One request per connection, from the lowest seq that any of its records asks for: each by itself would send the same window
 * again.
 */
function joined(records: DynamoDBRecord[]): Request[] {
  const requests = new Map<string, Request>();
  for (const record of records) {
    const key = keyOf(record);
    const after = replayAfterOf(record);
    const earlier = requests.get(key.connectionId);
    // What names no seq means the device's cursor. An anonymous device has none, so there it means nothing.
    const isAnonymous = record.dynamodb?.NewImage?.deviceId === undefined;
    if (!earlier)
      requests.set(key.connectionId, { key, after, first: record.dynamodb?.SequenceNumber ?? '' });
    else if (after !== undefined && earlier.after !== undefined)
      earlier.after = Math.min(after, earlier.after);
    else earlier.after = isAnonymous ? (after ?? earlier.after) : undefined;
  }
  return [...requests.values()];
}

/** The event source filters already; it cannot compare the old row with the new. */
const isRequest = ({ eventName, dynamodb }: DynamoDBRecord): boolean => {
  const requestId = dynamodb?.NewImage?.replayRequestId?.S;
  return (
    eventName !== 'REMOVE' && requestId !== undefined && requestId !== dynamodb?.OldImage?.replayRequestId?.S
  );
};

const keyOf = ({ dynamodb }: DynamoDBRecord): ConnectionKey => ({
  userId: textOf(dynamodb?.Keys?.userId),
  connectionId: textOf(dynamodb?.Keys?.connectionId),
});

const replayAfterOf = ({ dynamodb }: DynamoDBRecord): number | undefined => {
  const after = dynamodb?.NewImage?.replayAfter?.N;
  return after === undefined ? undefined : Number(after);
};

const textOf = (value: AttributeValue | undefined): string => {
  if (value?.S === undefined) throw new Error('a stream record of the Connections table lacks its key');
  return value.S;
};

export const handler = createReconcileHandler(createApp('reconcile', readEnv()));
