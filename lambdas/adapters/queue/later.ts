/** Work for later, as messages of the reconcile queue: how they are put there and read. */
import type { SQSRecord } from 'aws-lambda';
import type { SendMessage } from '../../aws/sqs.ts';
import type { Later, ReconcileRequest } from '../../domain/ports.ts';

export const createLater = (send: SendMessage): Later => ({
  reconcile: ({ userId, connectionId, after }, delaySeconds) =>
    send({ body: JSON.stringify({ userId, connectionId, after }), delaySeconds }),
});

/** Throws for a message that none of our Lambdas has put there. */
export function requestIn({ body }: Pick<SQSRecord, 'body'>): ReconcileRequest {
  const { userId, connectionId, after } = JSON.parse(body);
  const isOurs =
    typeof userId === 'string' &&
    typeof connectionId === 'string' &&
    (after === undefined || Number.isSafeInteger(after));
  if (!isOurs) throw new Error('a message of the reconcile queue that names no connection');
  return { userId, connectionId, after };
}
