/**
 * Work for later, as messages of two queues: how they are put there and read. The reconcile queue
 * serves connections; the queue `later` wakes who looks up what is due.
 */
import type { SQSRecord } from 'aws-lambda';
import type { SendMessage } from '../../aws/sqs.ts';
import type { EscalationTask, Later, OfflineCheck, ReconcileRequest } from '../../domain/ports/later.ts';
import { parseChannel, userChannel } from '../../protocol/channel.ts';

export const createLater = (queues: { reconcile: SendMessage; later: SendMessage }): Later => ({
  reconcile: ({ channel, ...request }, delaySeconds) =>
    queues.reconcile({ body: JSON.stringify({ channel: channel.name, ...request }), delaySeconds }),
  escalate: ({ channel, epoch, seq, restSeconds }, delaySeconds) =>
    queues.later({ body: JSON.stringify({ channel: channel.name, epoch, seq, restSeconds }), delaySeconds }),
  checkOffline: ({ userId, closedAt }, delaySeconds) =>
    queues.later({ body: JSON.stringify({ userId, closedAt }), delaySeconds }),
});

type QueueMessage = Pick<SQSRecord, 'body'>;

/** Throws for a message that none of our Lambdas has put there. */
export function requestIn({ body }: QueueMessage): ReconcileRequest {
  const { channel: name, userId, connectionId, after, readState, startId } = JSON.parse(body);
  // Messages of before there were several channels name none.
  // The sockets of STOMP have names that no user can have.
  const own = typeof userId === 'string' ? userChannel(userId) : undefined;
  const channel = name === undefined || name === own?.name ? own : parseChannel(name);
  const isOurs =
    channel !== undefined &&
    typeof userId === 'string' &&
    typeof connectionId === 'string' &&
    (after === undefined || Number.isSafeInteger(after)) &&
    (readState === undefined || readState === true) &&
    (startId === undefined || typeof startId === 'string');
  if (!isOurs) throw new Error('a message of the reconcile queue that names no subscription');
  return {
    ...{ channel, userId, connectionId, after },
    ...(readState && { readState }),
    ...(startId !== undefined && { startId }),
  };
}

/** Throws for a message that none of our Lambdas has put there. */
export function wakeUpIn({ body }: QueueMessage): EscalationTask | OfflineCheck {
  const { userId, closedAt, channel: name, epoch, seq, restSeconds } = JSON.parse(body);
  if (typeof userId === 'string' && Number.isSafeInteger(closedAt)) return { userId, closedAt };
  const channel = parseChannel(name);
  const isOurs =
    channel !== undefined && typeof epoch === 'string' && [seq, restSeconds].every(Number.isSafeInteger);
  if (!isOurs) throw new Error('a message of the queue `later` that names nothing to look up');
  return { channel, epoch, seq, restSeconds };
}
