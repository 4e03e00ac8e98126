/** The Connections table's stream: brings every connection that is asked for to where it should be. */
import type { AttributeValue, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { createApp } from '../app.ts';
import type { App } from '../domain/app.ts';
import { mapConcurrently } from '../domain/concurrency.ts';
import { asError } from '../domain/deliver.ts';
import { logged } from '../domain/goodbye.ts';
import type { ConnectionKey } from '../domain/ports.ts';
import { drive } from '../domain/replay.ts';
import { readEnv } from '../env.ts';

/** A replay that is not done by then goes on in another invocation. */
const BUDGET_MS = 60_000;
const CONCURRENT_CONNECTIONS = 20;

/**
 * Reports each record that failed: Lambda sends again from the lowest on. Several requests for one connection may run at
 * once; each replays from the cursor, so the client sees at worst a message twice.
 */
export const createReplayHandler =
  (app: App) =>
  async ({ Records }: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> => {
    const deadlineAt = app.clock.now() + BUDGET_MS;
    const failures = await mapConcurrently(
      Records.filter(isRequest),
      CONCURRENT_CONNECTIONS,
      async (record) => {
        const key = keyOf(record);
        try {
          await drive(app, key, replayAfterOf(record), deadlineAt);
          return [];
        } catch (error) {
          app.logger.error('replay failed', { ...logged(key), error: asError(error) });
          return [{ itemIdentifier: record.dynamodb?.SequenceNumber ?? '' }];
        }
      },
    );
    return { batchItemFailures: failures.flat() };
  };

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

export const handler = createReplayHandler(createApp('replay', readEnv()));
