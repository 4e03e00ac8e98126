/** Rows of the outbox as messages: to be tried again later, or given up, as dead letters. */
import type { SQSRecord } from 'aws-lambda';
import type { SendMessage } from '../../aws/sqs.ts';
import type { OutboxQueue, OutboxRow } from '../../domain/ports/outbox.ts';
import { utf8Bytes } from '../../protocol/limits.ts';

export const createOutboxQueue = (queue: SendMessage, deadLetters: SendMessage): OutboxQueue => ({
  retry: ({ id, text, tries, firstTriedAt }, delaySeconds) =>
    queue({ body: bodyOf({ id, notification: text, tries, firstTriedAt }), delaySeconds }),
  async sendDeadLetter({ id, text }, reason) {
    const whole = bodyOf({ id, reason, notification: text });
    const body = utf8Bytes(whole) > MAX_BODY_BYTES ? bodyOf({ id, reason }) : whole;
    await deadLetters({ body, delaySeconds: 0 });
  },
});

/**
 * SQS takes no more. What is to be tried again is far below it; a notification that is wrong may
 * take several times as much as JSON in JSON as in its row.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
 */
const MAX_BODY_BYTES = 1024 * 1024;

/** SQS takes what XML may hold; of what JSON leaves as it is, only these two are no part of it. */
const bodyOf = (message: object): string =>
  JSON.stringify(message).replaceAll('\ufffe', '\\ufffe').replaceAll('\uffff', '\\uffff');

/** Throws for a message that none of our Lambdas has put there. */
export function outboxRowOf({ body }: Pick<SQSRecord, 'body'>): OutboxRow {
  const { id, notification: text, tries, firstTriedAt } = JSON.parse(body);
  const isOurs =
    typeof id === 'string' &&
    (text === undefined || typeof text === 'string') &&
    [tries, firstTriedAt].every(Number.isSafeInteger);
  if (!isOurs) throw new Error('a message of the outbox queue that names no row');
  return { id, text, tries, firstTriedAt };
}
