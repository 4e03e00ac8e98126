/**
 * The rest of large fan-outs, as messages of the fan-out queue: how they are put there and read.
 */
import { hash } from 'node:crypto';
import type { SQSRecord } from 'aws-lambda';
import type { SendMessages } from '../../aws/sqs.ts';
import type { FanOutQueue, FanOutTask } from '../../domain/ports/fan-out.ts';
import { parseChannel } from '../../protocol/channel.ts';

export const createFanOutQueue = (send: SendMessages): FanOutQueue => ({
  send: (tasks) =>
    send(
      tasks.map(({ channel, epoch, seq, from, to, publishedAt, traced }) => ({
        body: JSON.stringify({ channel: channel.name, epoch, seq, from, to, publishedAt, traced }),
        delaySeconds: 0,
        // The queue serves its groups fairly: a large channel does not hold up the others.
        groupId: hash('sha256', channel.name, 'hex'),
      })),
    ),
});

/** Throws for a message that none of our Lambdas has put there. */
export function taskIn({ body }: Pick<SQSRecord, 'body'>): FanOutTask {
  const { channel: name, epoch, seq, from, to, publishedAt, traced = false } = JSON.parse(body);
  const channel = parseChannel(name);
  const isOurs =
    channel !== undefined &&
    [epoch, from, to].every((text) => typeof text === 'string') &&
    [seq, publishedAt].every(Number.isSafeInteger) &&
    typeof traced === 'boolean';
  if (!isOurs) throw new Error('a message of the fan-out queue that names no range of subscribers');
  return { channel, epoch, seq, from, to, publishedAt, traced };
}
