/** The Connections table's stream: brings every connection that is asked for to where it should be. */
import type { AttributeValue, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import type { App } from '../domain/app.ts';
import { logged } from '../domain/connection/close.ts';
import type { ConnectionKey } from '../domain/ports.ts';
import { asError } from '../domain/publish/deliver.ts';
import { drive } from '../domain/session/replay.ts';
import type { Invocation } from './events.ts';

/** A replay begins no window any more when less time is left; it goes on in another invocation. */
const REPLAY_MARGIN_MS = 60_000;

/**
 * Serves all connections of a batch at once; how many that may be, the event source says (`manifest.ts`).
 * Reports each record that failed: Lambda sends again from the lowest on. Requests for one connection in several batches may run
 * at once; each replays from the cursor, so the client sees at worst a message twice.
 */
export const createReconcileHandler =
  (app: App) =>
  async ({ Records }: DynamoDBStreamEvent, context: Invocation): Promise<DynamoDBBatchResponse> => {
    const deadlineAt = app.clock.now() + context.getRemainingTimeInMillis() - REPLAY_MARGIN_MS;
    const requests = joined(Records.filter(isRequest));
    const failures = await Promise.all(
      requests.map(async ({ key, after, first }) => {
        try {
          await drive(app, key, after, deadlineAt);
          return [];
        } catch (error) {
          app.logger.error('replay failed', { ...logged(key), error: asError(error) });
          return [{ itemIdentifier: first }];
        }
      }),
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
