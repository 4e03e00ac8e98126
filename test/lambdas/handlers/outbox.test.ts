/** Which records of the outbox fail: only those of which nothing could be written down. */
import type { DynamoDBRecord, SQSRecord } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import type { OutboxRow } from '../../../lambdas/domain/ports/outbox.ts';
import { createOutboxHandler } from '../../../lambdas/handlers/outbox.ts';
import { anApp } from '../../support/builders.ts';

const notification = (data: unknown) => JSON.stringify({ to: { user: 'alice' }, type: 't', data });

const record = (id: string, sequence: number, text = notification(id)): DynamoDBRecord => ({
  eventName: 'INSERT',
  dynamodb: {
    SequenceNumber: String(sequence),
    Keys: { id: { S: id } },
    NewImage: { id: { S: id }, notification: { S: text } },
  },
});

function anOutbox(broken: string[] = []) {
  const done: string[] = [];
  const note = async (what: string, { id }: Pick<OutboxRow, 'id'>) => {
    if (broken.includes(id)) throw new Error('no answer');
    done.push(`${what} ${id}`);
  };
  const outboxRows = {
    remove: (id: string) => note('removed', { id }),
    markFailed: async (row: OutboxRow) => {
      await note('given up', row);
      return true;
    },
  };
  const outboxQueue = { retry: async () => {}, sendDeadLetter: async () => {} };
  const handler = createOutboxHandler({ ...anApp(), outboxRows, outboxQueue });
  return { done, handler };
}

describe('a batch of the outbox', () => {
  it('is published, whatever is wrong with one of its rows', async () => {
    const { done, handler } = anOutbox();
    const Records = [record('a', 1), record('b', 2, '{'), record('c', 3)];
    expect(await handler({ Records })).toEqual({ batchItemFailures: [] });
    expect(done.sort()).toEqual(['given up b', 'removed a', 'removed c']);
  });

  it('reports what could not even be put off, and then holds back the later records of that row', async () => {
    const { done, handler } = anOutbox(['b']);
    const Records = [record('a', 1), record('b', 2), record('b', 3), record('c', 4)];
    expect(await handler({ Records })).toEqual({ batchItemFailures: [{ itemIdentifier: '2' }] });
    expect(done.sort()).toEqual(['removed a', 'removed c']);
  });

  it('of the queue reports messages by their ids, also those of somebody else', async () => {
    const { done, handler } = anOutbox();
    const message = (messageId: string, body: unknown) =>
      ({ messageId, body: JSON.stringify(body) }) as SQSRecord;
    const ours = { id: 'a', notification: notification(1), tries: 1, firstTriedAt: 1 };
    expect(await handler({ Records: [message('m1', ours), message('m2', {})] })).toEqual({
      batchItemFailures: [{ itemIdentifier: 'm2' }],
    });
    expect(done).toEqual(['removed a']);
  });

  it('does a row that was changed in the order of its changes', async () => {
    const { done, handler } = anOutbox();
    await handler({ Records: [record('a', 1, '{'), record('a', 2)] });
    expect(done).toEqual(['given up a', 'removed a']);
  });
});
