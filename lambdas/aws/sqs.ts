/** Puts one message into a queue of SQS, over its JSON API. */
import type { HttpAnswer, Timeouts } from './http.ts';
import { createJsonService } from './json-service.ts';
import { backOffMs, type Clock, SYSTEM_CLOCK } from './retry.ts';
import type { Access } from './signature.ts';

export interface SqsMessage {
  body: string;
  /** How long nobody receives it: 0 to 900. */
  delaySeconds: number;
}

/**
 * Rejects when the message was not taken for certain, after some tries where the fault may pass.
 */
export type SendMessage = (message: SqsMessage) => Promise<void>;

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

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
export function createQueueSender({
  queueUrl,
  endpoint,
  readAccess,
  clock = SYSTEM_CLOCK,
}: SqsOptions): SendMessage {
  const call = createJsonService({
    service: 'sqs',
    api: 'AmazonSQS',
    contentType: 'application/x-amz-json-1.0',
    endpoint,
    readAccess,
    timeouts: TIMEOUTS,
  });

  return async ({ body, delaySeconds }) => {
    const request = JSON.stringify({ QueueUrl: queueUrl, MessageBody: body, DelaySeconds: delaySeconds });
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await call('SendMessage', request);
        if (answer.status === 200) return;
        throw new QueueError(answer);
      } catch (error) {
        const mayPass = !(error instanceof QueueError) || error.mayPass;
        if (attempt === TRIES || !mayPass) throw error;
        await clock.sleep(backOffMs(RETRY_DELAY_MS, attempt));
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
