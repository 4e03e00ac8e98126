/** The rest of a large fan-out: what one Lambda puts into the queue is what another finds there. */
import { describe, expect, it } from 'vitest';
import { createFanOutQueue, taskIn } from '../../../../lambdas/adapters/queue/fan-out.ts';
import type { SqsMessage } from '../../../../lambdas/aws/sqs.ts';
import { EVERYONE, topicChannel } from '../../../../lambdas/domain/model.ts';
import type { FanOutTask } from '../../../../lambdas/domain/ports/fan-out.ts';

const NEWS = topicChannel('news');

const taskOf = (over: Partial<FanOutTask> = {}): FanOutTask => ({
  channel: NEWS,
  epoch: 'epoch-1',
  seq: 58,
  from: '0a1b2c3d#Xk3vQf1_IAMCJ7w= ',
  to: '80000000',
  publishedAt: 1_795_939_441_798,
  traced: true,
  ...over,
});

async function sent(tasks: FanOutTask[]): Promise<SqsMessage[]> {
  const batches: SqsMessage[][] = [];
  await createFanOutQueue(async (messages) => void batches.push(messages)).send(tasks);
  const [messages, ...more] = batches;
  if (messages === undefined || more.length > 0) throw new Error(`${batches.length} batches were sent`);
  return messages;
}

describe('the ranges of a fan-out', () => {
  it('are read as they were sent, at once', async () => {
    const tasks = [taskOf(), taskOf({ from: '80000000', to: 'g' }), taskOf({ channel: EVERYONE, seq: 1 })];
    const messages = await sent(tasks);
    expect(messages.map(taskIn)).toEqual(tasks);
    expect(messages.map(({ delaySeconds }) => delaySeconds)).toEqual([0, 0, 0]);
  });

  it('are of one group for each channel, so that a large channel holds up no other', async () => {
    const channels = [NEWS, NEWS, EVERYONE, topicChannel('n'.repeat(128))];
    const messages = await sent(channels.map((channel) => taskOf({ channel })));
    const [first, second, ...others] = messages.map(({ groupId }) => groupId);
    expect(first).toBe(second);
    expect(new Set([first, ...others]).size).toBe(3);
    // What SQS takes for a group.
    for (const { groupId } of messages) expect(groupId).toMatch(/^[\x21-\x7e]{1,128}$/);
  });

  it('are not told to the sender when the queue took them not', async () => {
    const queue = createFanOutQueue(() => Promise.reject(new Error('no queue')));
    await expect(queue.send([taskOf()])).rejects.toThrow('no queue');
  });

  it.each([
    ['no channel', { channel: undefined }],
    ['a channel that is none', { channel: 'news' }],
    ['no epoch', { epoch: undefined }],
    ['a seq that is no number', { seq: '58' }],
    ['half a seq', { seq: 1.5 }],
    ['no beginning', { from: undefined }],
    ['an end that is no text', { to: 7 }],
    ['no instant', { publishedAt: null }],
  ])('are in no message of somebody else, such as one with %s', async (_, wrong) => {
    const [message] = await sent([taskOf()]);
    const body = JSON.stringify({ ...JSON.parse(message?.body ?? ''), ...wrong });
    expect(() => taskIn({ body })).toThrow('names no range');
  });

  it.each(['', 'hello', 'null', '7', '[]'])('are in no message that is no object: %j', (body) => {
    expect(() => taskIn({ body })).toThrow();
  });
});
