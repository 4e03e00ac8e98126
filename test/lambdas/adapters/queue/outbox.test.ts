/** What the outbox's queues are given, in characters that SQS takes. */
import { describe, expect, it } from 'vitest';
import { createOutboxQueue, outboxRowOf } from '../../../../lambdas/adapters/queue/outbox.ts';
import type { SqsMessage } from '../../../../lambdas/aws/sqs.ts';

function queues() {
  const queued: SqsMessage[] = [];
  const letters: SqsMessage[] = [];
  const outbox = createOutboxQueue(
    async (message) => void queued.push(message),
    async (message) => void letters.push(message),
  );
  return { outbox, queued, letters };
}

describe('a row that is put off', () => {
  it.each([
    { id: 'a', text: '{"data":"\ufffe\uffff"}', tries: 1, firstTriedAt: 7 },
    { id: 'ü', text: undefined, tries: 3, firstTriedAt: 8 },
  ])('is read as it was sent', async (row) => {
    const { outbox, queued } = queues();
    await outbox.retry(row, 20);
    const [message] = queued;
    expect(message?.delaySeconds).toBe(20);
    expect(message?.body).not.toMatch(/[\ufffe\uffff]/);
    expect(outboxRowOf({ body: message?.body ?? '' })).toEqual(row);
  });

  it.each(['{}', '{"id":1,"tries":1,"firstTriedAt":1}', '{"id":"a","tries":"1","firstTriedAt":1}', '"x"'])(
    'is in no message of somebody else: %s',
    (body) => expect(() => outboxRowOf({ body })).toThrow('names no row'),
  );
});

it('a row that is given up is a letter with all of it, and the reason', async () => {
  const { outbox, letters } = queues();
  await outbox.sendDeadLetter({ id: 'a', text: '{"to":1}', tries: 0 }, 'to: wrong');
  expect(letters.map(({ body }) => JSON.parse(body))).toEqual([
    { id: 'a', reason: 'to: wrong', notification: '{"to":1}' },
  ]);
});

it('a letter leaves out a notification that SQS does not take', async () => {
  const { outbox, letters } = queues();
  const text = JSON.stringify({ data: '"'.repeat(390 * 1024) });
  await outbox.sendDeadLetter({ id: 'a', text, tries: 0 }, 'to: is missing');
  expect(letters.map(({ body }) => JSON.parse(body))).toEqual([{ id: 'a', reason: 'to: is missing' }]);
});
