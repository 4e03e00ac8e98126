/** Rows of the outbox as messages: to be tried again later, or given up, as dead letters. */
import type { SQSRecord } from 'aws-lambda';
import type { SendMessage } from '../../aws/sqs.ts';
import type { OutboxQueue, OutboxRow } from '../../domain/ports/outbox.ts';

export const createOutboxQueue = (queue: SendMessage, deadLetters: SendMessage): OutboxQueue => ({
  retry: ({ id, text, tries, firstTriedAt }, delaySeconds) =>
    queue({ body: bodyOf({ id, notification: text, tries, firstTriedAt }), delaySeconds }),
  sendDeadLetter: ({ id, text }, reason) =>
    deadLetters({ body: bodyOf({ id, reason, notification: text }), delaySeconds: 0 }),
});

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
