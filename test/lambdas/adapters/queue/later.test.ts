/** Work for later: what one Lambda puts into the queue is what another finds there. */
import { describe, expect, it } from 'vitest';
import { createLater, requestIn, wakeUpIn } from '../../../../lambdas/adapters/queue/later.ts';
import type { SqsMessage } from '../../../../lambdas/aws/sqs.ts';
import { EVERYONE, topicChannel, userChannel } from '../../../../lambdas/domain/model.ts';
import type { Later, ReconcileRequest } from '../../../../lambdas/domain/ports/later.ts';

const unused = () => Promise.reject(new Error('the other queue'));

async function sent(request: ReconcileRequest, delaySeconds: number): Promise<SqsMessage> {
  const messages: SqsMessage[] = [];
  const reconcile = async (message: SqsMessage) => void messages.push(message);
  await createLater({ reconcile, later: unused }).reconcile(request, delaySeconds);
  const [message] = messages;
  if (message === undefined || messages.length > 1) throw new Error(`${messages.length} were sent`);
  return message;
}

const requestOf = (userId: string, over: Partial<ReconcileRequest> = {}): ReconcileRequest => ({
  channel: userChannel(userId),
  userId,
  connectionId: 'c1',
  after: undefined,
  ...over,
});

describe('a connection that is to be tried again', () => {
  it.each([
    ['from its cursor', requestOf('alice', { connectionId: 'c1', after: undefined })],
    ['from a seq on', requestOf('müller@example.com/', { connectionId: 'c2=', after: 41 })],
    ['from the beginning', requestOf('🦊', { connectionId: 'c3', after: 0 })],
    ['in a topic', requestOf('alice', { channel: topicChannel('news') })],
    ['in everyone’s channel', requestOf('alice', { channel: EVERYONE, after: 3 })],
  ])('is read as it was sent: %s', async (_, request) => {
    const message = await sent(request, 5);
    expect(message.delaySeconds).toBe(5);
    expect(requestIn(message)).toEqual(request);
  });

  it('is not told to the sender when the queue took it not', async () => {
    const reconcile = () => Promise.reject(new Error('no queue'));
    const later = createLater({ reconcile, later: unused });
    await expect(later.reconcile(requestOf('alice'), 0)).rejects.toThrow('no queue');
  });

  it('is read from a message of before there were several channels', () => {
    const body = '{"userId":"alice","connectionId":"c1","after":41}';
    expect(requestIn({ body })).toEqual(requestOf('alice', { after: 41 }));
  });

  it.each([
    '{}',
    '{"channel":"news","userId":"alice","connectionId":"c1"}',
    '{"channel":7,"userId":"alice","connectionId":"c1"}',
    '{"channel":null,"userId":"alice","connectionId":"c1"}',
    '{"channel":"topic:news","connectionId":"c1"}',
    '{"channel":"topic:news","userId":"alice"}',
    '{"userId":"alice"}',
    '{"userId":1,"connectionId":"c1"}',
    '{"userId":"alice","connectionId":"c1","after":"41"}',
    '{"userId":"alice","connectionId":"c1","after":1.5}',
    '{"userId":"alice","connectionId":"c1","after":null}',
  ])('is in no message of somebody else: %s', (body) => {
    expect(() => requestIn({ body })).toThrow('names no subscription');
  });

  it.each(['', 'hello', 'null', '7'])('is in no message that is no object: %j', (body) => {
    expect(() => requestIn({ body })).toThrow();
  });
});

describe('what is to be looked up', () => {
  const wokenBy = async (send: (later: Later) => Promise<void>): Promise<SqsMessage> => {
    const messages: SqsMessage[] = [];
    const later = async (message: SqsMessage) => void messages.push(message);
    await send(createLater({ reconcile: unused, later }));
    const [message] = messages;
    if (message === undefined) throw new Error('nothing was sent');
    return message;
  };

  it('is read as it was sent: a message that may be unanswered, a user who may be away', async () => {
    const task = { channel: userChannel('🦊/'), epoch: 'e', seq: 7, restSeconds: 42_300 };
    const escalated = await wokenBy((later) => later.escalate(task, 900));
    expect(escalated.delaySeconds).toBe(900);
    expect(wakeUpIn(escalated)).toEqual(task);

    const check = { userId: 'alice', closedAt: 1_795_939_441_798 };
    const checked = await wokenBy((later) => later.checkOffline(check, 30));
    expect(checked.delaySeconds).toBe(30);
    expect(wakeUpIn(checked)).toEqual(check);
  });

  it.each([
    '{}',
    '{"userId":"alice"}',
    '{"userId":"alice","closedAt":"1"}',
    '{"channel":"news","epoch":"e","seq":1,"restSeconds":0}',
    '{"channel":"user:alice","seq":1,"restSeconds":0}',
    '{"channel":"user:alice","epoch":"e","restSeconds":0}',
    '{"channel":"user:alice","epoch":"e","seq":1}',
  ])('is in no message of somebody else: %s', (body) => {
    expect(() => wakeUpIn({ body })).toThrow('names nothing to look up');
  });
});
