/** Work for later, as messages of the reconcile queue: how they are put there and read. */
import type { SQSRecord } from 'aws-lambda';
import type { SendMessage } from '../../aws/sqs.ts';
import type { Later, ReconcileRequest } from '../../domain/ports.ts';
import { parseChannel, userChannel } from '../../protocol/channel.ts';

export const createLater = (send: SendMessage): Later => ({
  reconcile: ({ channel, ...request }, delaySeconds) =>
    send({ body: JSON.stringify({ channel: channel.name, ...request }), delaySeconds }),
});

/** Throws for a message that none of our Lambdas has put there. */
export function requestIn({ body }: Pick<SQSRecord, 'body'>): ReconcileRequest {
  const { channel: name, userId, connectionId, after, readState } = JSON.parse(body);
  // Messages of before there were several channels name none.
  // The sockets of STOMP have names that no user can have.
  const own = typeof userId === 'string' ? userChannel(userId) : undefined;
  const channel = name === undefined || name === own?.name ? own : parseChannel(name);
  const isOurs =
    channel !== undefined &&
    typeof userId === 'string' &&
    typeof connectionId === 'string' &&
    (after === undefined || Number.isSafeInteger(after)) &&
    (readState === undefined || readState === true);
  if (!isOurs) throw new Error('a message of the reconcile queue that names no subscription');
  return { channel, userId, connectionId, after, ...(readState && { readState }) };
}
