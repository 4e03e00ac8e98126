/** Puts messages into a queue of SQS, over its JSON API. */
import { backOffMs } from '../back-off.ts';
import { batchesOf, mapConcurrently } from '../concurrency.ts';
import type { HttpAnswer, Timeouts } from './http.ts';
import { createJsonService } from './json-service.ts';
import { type Clock, SYSTEM_CLOCK } from './retry.ts';
import type { Access } from './signature.ts';

export interface SqsMessage {
  body: string;
  /** How long nobody receives it: 0 to 900. */
  delaySeconds: number;
  /** The queue serves its groups fairly. */
  groupId?: string;
}

/**
 * Rejects when the message was not taken for certain, after some tries where the fault may pass.
 */
export type SendMessage = (message: SqsMessage) => Promise<void>;

/** The same for any number of messages. If it rejects, some of them may have been taken. */
export type SendMessages = (messages: SqsMessage[]) => Promise<void>;

export interface SqsOptions {
  queueUrl: string;
  /** Undefined: the service's own. */
  endpoint: string | undefined;
  readAccess: () => Access;
  clock?: Clock;
}

const TIMEOUTS: Timeouts = { connectMs: 1000, requestMs: 3000 };
const TRIES = 3;
const RETRY_DELAY_MS = 50;

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
    for (let attempt = 1; ; attempt++) {
      const { Successful = [] } = await call('SendMessageBatch', { Entries: left });
      const taken = new Set(Successful.map(({ Id }) => Id));
      left = left.filter(({ Id }) => !taken.has(Id));
      if (left.length === 0) return;
      if (attempt === TRIES)
        throw new Error(`SQS did not take ${left.length} of ${messages.length} messages`);
      await clock.sleep(backOffMs(attempt, RETRY_DELAY_MS));
    }
  };

  return async (messages) => {
    await mapConcurrently(batchesOf(messages, BATCH), CONCURRENT_BATCHES, sendBatch);
  };
}

interface Answer {
  /** Of a batch: what was taken. */
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
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await call(operation, request);
        if (answer.status === 200) return JSON.parse(answer.body) as Answer;
        throw new QueueError(answer);
      } catch (error) {
        const mayPass = !(error instanceof QueueError) || error.mayPass;
        if (attempt === TRIES || !mayPass) throw error;
        await clock.sleep(backOffMs(attempt, RETRY_DELAY_MS));
      }
    }
  };
}

class QueueError extends Error {
  override readonly name = 'QueueError';
  readonly mayPass: boolean;

  constructor({ status, errorType, body }: HttpAnswer) {
    super(`SQS answered ${status} ${errorType ?? ''} ${body.slice(0, 300)}`);
    this.mayPass = status >= 500 || status === 429 || /Throttl/.test(`${errorType} ${body}`);
  }
}
