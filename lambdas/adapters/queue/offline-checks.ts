/** Checks of who is still away, as messages of the presence queue. */
import type { SQSRecord } from 'aws-lambda';
import type { SendMessage } from '../../aws/sqs.ts';
import type { OfflineCheck, OfflineChecks } from '../../domain/ports.ts';

export const createOfflineChecks = (send: SendMessage): OfflineChecks => ({
  send: ({ userId, closedAt }, delaySeconds) =>
    send({ body: JSON.stringify({ userId, closedAt }), delaySeconds }),
});

/** Throws for a message that none of our Lambdas has put there. */
export function offlineCheckIn({ body }: Pick<SQSRecord, 'body'>): OfflineCheck {
  const { userId, closedAt } = JSON.parse(body);
  if (typeof userId === 'string' && Number.isSafeInteger(closedAt)) return { userId, closedAt };
  throw new Error('a message of the presence queue that names no user');
}
