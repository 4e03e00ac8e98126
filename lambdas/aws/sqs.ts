/** Puts messages into a queue of SQS, over its JSON API. */
import { backOffMs } from '../back-off.ts';
import { batchesOf, mapConcurrently } from '../concurrency.ts';
import type { Timeouts } from './http.ts';
import { createJsonService, faultOf } from './json-service.ts';
import { type Clock, retried, SYSTEM_CLOCK } from './retry.ts';
import type { Access } from './signature.ts';

export interface SqsMessage {
  body: string;
  /** How long SQS hides the message from receivers: 0 to 900 seconds. */
  delaySeconds: number;
  /** SQS serves the groups of a queue fairly. */
  groupId?: string;
}

/**
 * Sends at least once. Rejects after some tries when SQS did not confirm that it took the message.
 */
export type SendMessage = (message: SqsMessage) => Promise<void>;

/** The same for any number of messages. If it rejects, SQS may have taken some of them. */
export type SendMessages = (messages: SqsMessage[]) => Promise<void>;

export interface SqsOptions {
  queueUrl: string;
  /** Undefined: the regional endpoint of the service. */
  endpoint: string | undefined;
  readAccess: () => Access;
  clock?: Clock;
}

const TIMEOUTS: Timeouts = { connectMs: 1000, requestMs: 3000 };
const TRIES = 3;
const RETRY_DELAY_MS = 50;
const delayMs = (attempt: number): number => backOffMs(attempt, RETRY_DELAY_MS);

/** Messages of one request. */
const BATCH = 10;
/** Requests at once. */
const CONCURRENT_BATCHES = 8;

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
export function createQueueSender(options: SqsOptions): SendMessage {
  const call = createCaller(options);
  return async (message) => {
    await call('SendMessage', entryOf(message));
  };
}

/**
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
 */
export function createBatchSender(options: SqsOptions): SendMessages {
  const call = createCaller(options);
  const { clock = SYSTEM_CLOCK } = options;

  const sendBatch = async (messages: SqsMessage[]): Promise<void> => {
    let left = messages.map((message, index) => ({ Id: String(index), ...entryOf(message) }));
    const sendLeft = async () => {
      const { Successful = [] } = await call('SendMessageBatch', { Entries: left });
      const taken = new Set(Successful.map(({ Id }) => Id));
      left = left.filter(({ Id }) => !taken.has(Id));
      if (left.length > 0) throw new NotTaken(left.length, messages.length);
    };
    // A call that failed as a whole was retried by the caller below already.
    const mayPass = (error: unknown) => error instanceof NotTaken;
    await retried(sendLeft, { tries: TRIES, mayPass, delayMs, clock });
  };

  return async (messages) => {
    await mapConcurrently(batchesOf(messages, BATCH), CONCURRENT_BATCHES, sendBatch);
  };
}

class NotTaken extends Error {
  override readonly name = 'NotTaken';

  constructor(left: number, count: number) {
    super(`SQS did not take ${left} of ${count} messages`);
  }
}

interface Answer {
  /** Of a batch: the entries that SQS took. */
  Successful?: { Id: string }[];
}

const entryOf = ({ body, delaySeconds, groupId }: SqsMessage) => ({
  MessageBody: body,
  DelaySeconds: delaySeconds,
  ...(groupId !== undefined && { MessageGroupId: groupId }),
});

function createCaller({ queueUrl, endpoint, readAccess, clock = SYSTEM_CLOCK }: SqsOptions) {
  const call = createJsonService({
    service: 'sqs',
    api: 'AmazonSQS',
    contentType: 'application/x-amz-json-1.0',
    endpoint,
    readAccess,
    timeouts: TIMEOUTS,
  });

  return async (operation: 'SendMessage' | 'SendMessageBatch', input: object): Promise<Answer> => {
    const request = JSON.stringify({ QueueUrl: queueUrl, ...input });
    const ask = async () => {
      const answer = await call(operation, request);
      if (answer.status !== 200) throw faultOf('SQS', answer);
      return JSON.parse(answer.body) as Answer;
    };
    return await retried(ask, { tries: TRIES, delayMs, clock });
  };
}
