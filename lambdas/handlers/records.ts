/** What the Lambdas share that a stream and a queue drive. */
import type {
  DynamoDBBatchResponse,
  DynamoDBRecord,
  DynamoDBStreamEvent,
  SQSBatchResponse,
  SQSEvent,
  SQSRecord,
} from 'aws-lambda';
import { asError } from '../domain/errors.ts';
import type { Logger } from '../domain/ports/logger.ts';

export type RecordsEvent = DynamoDBStreamEvent | SQSEvent;
export type BatchResponse = DynamoDBBatchResponse | SQSBatchResponse;
/** Of a queue those have a `messageId`, of a stream none. */
export type Item = DynamoDBRecord | SQSRecord;

interface Serving {
  /** The name of the key attribute by which records of a stream belong together. */
  key: string;
  serve: (item: Item) => Promise<void>;
  logger: Logger;
  /** What the log says of an item that failed. */
  failure: string;
}

/**
 * Serves all at once, but the records of one key one after the other, as the stream has them: after
 * a failure the later ones of the key would overtake it. Reports each that failed: Lambda sends it
 * again, and of a stream all that follow it.
 */
export async function serveInOrder(
  { Records }: RecordsEvent,
  { key, serve, logger, failure }: Serving,
): Promise<BatchResponse> {
  const keyOf = (item: Item) => ('messageId' in item ? item.messageId : item.dynamodb?.Keys?.[key]?.S);
  const serveAll = async (items: Item[]) => {
    for (const item of items) {
      try {
        await serve(item);
      } catch (error) {
        const itemIdentifier = identifierOf(item);
        logger.error(failure, { itemIdentifier, error: asError(error) });
        return [{ itemIdentifier }];
      }
    }
    return [];
  };
  const failures = await Promise.all([...Map.groupBy<unknown, Item>(Records, keyOf).values()].map(serveAll));
  return { batchItemFailures: failures.flat() };
}

const identifierOf = (item: Item): string =>
  'messageId' in item ? item.messageId : (item.dynamodb?.SequenceNumber ?? '');
