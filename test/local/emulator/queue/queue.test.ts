/** A queue hands its messages over like SQS and Lambda's event source. */
import type { SQSRecord } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createQueue, type QueueSettings } from '../../../../local/emulator/queue/queue.ts';

const HIDDEN_MS = 1000;

/** The identifiers in the handler's answer are bodies here; `undefined`: the run fails. */
type Outcome = string[] | undefined;

function setUp(outcomes: (bodies: string[]) => Outcome | Promise<Outcome> = () => []) {
  const batches: string[][] = [];
  const records: SQSRecord[] = [];
  const dead: { body: string; receives: number }[] = [];
  const settings: QueueSettings = {
    name: 'herald-work',
    batchSize: 3,
    maxReceives: 2,
    maxConcurrency: 5,
    hiddenMs: (receives) => HIDDEN_MS * receives,
  };
  const queue = createQueue(settings, {
    async invoke({ Records }) {
      records.push(...Records);
      const bodies = Records.map(({ body }) => body);
      batches.push(bodies);
      const failed = await outcomes(bodies);
      if (failed === undefined) throw new Error('the Lambda failed');
      const idOf = (body: string) => Records.find((record) => record.body === body)?.messageId ?? body;
      return { batchItemFailures: failed.map((body) => ({ itemIdentifier: idOf(body) })) };
    },
    deadLetter: ({ body, receives }) => dead.push({ body, receives }),
  });
  return { queue, batches, records, dead };
}

beforeEach(() => void vi.useFakeTimers({ now: 1_800_000_000_000 }));
afterEach(() => void vi.useRealTimers());

const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);

describe('a message', () => {
  it('is handed over once its delay is over, and not again when all went well', async () => {
    const { queue, batches } = setUp();
    queue.send('now', 0);
    queue.send('later', 5);
    await pass(4999);
    expect(batches).toEqual([['now']]);
    await pass(1);
    expect(batches).toEqual([['now'], ['later']]);
    await pass(3_600_000);
    expect(batches).toHaveLength(2);
  });

  it('looks as SQS makes it', async () => {
    const { queue, records } = setUp();
    const messageId = queue.send('hello', 2);
    await pass(2000);
    expect(records).toEqual([
      {
        messageId,
        receiptHandle: expect.any(String),
        body: 'hello',
        attributes: {
          ApproximateReceiveCount: '1',
          SentTimestamp: '1800000000000',
          SenderId: '000000000000',
          ApproximateFirstReceiveTimestamp: '1800000002000',
        },
        messageAttributes: {},
        md5OfBody: '5d41402abc4b2a76b9719d911017c592',
        eventSource: 'aws:sqs',
        eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:herald-work',
        awsRegion: 'us-east-1',
      },
    ]);
  });

  it('that failed is hidden for a while, comes again as the same, and at last is a dead letter', async () => {
    const { queue, records, dead } = setUp((bodies) => bodies);
    const messageId = queue.send('bad', 0);
    await pass(HIDDEN_MS - 1);
    expect(records).toHaveLength(1);
    await pass(1);
    expect(records.map((record) => [record.messageId, record.attributes.ApproximateReceiveCount])).toEqual([
      [messageId, '1'],
      [messageId, '2'],
    ]);
    expect(dead).toEqual([{ body: 'bad', receives: 2 }]);
    await pass(3_600_000);
    expect(records).toHaveLength(2);
  });
});

describe('a batch', () => {
  /** Fills all places, so that what is sent next waits and comes together. */
  function busy(outcomes: (bodies: string[]) => Outcome) {
    const gate = Promise.withResolvers<void>();
    const made = setUp(async (bodies) => {
      if (bodies[0]?.startsWith('holds')) await gate.promise;
      return bodies[0]?.startsWith('holds') ? [] : outcomes(bodies);
    });
    return { ...made, release: () => gate.resolve() };
  }

  async function batchesAfter(outcomes: (bodies: string[]) => Outcome, ...bodies: string[]) {
    const { queue, batches, dead, release } = busy(outcomes);
    for (let at = 0; at < 5; at++) {
      queue.send(`holds ${at}`, 0);
      await pass(0);
    }
    for (const body of bodies) queue.send(body, 0);
    await pass(0);
    expect(batches).toHaveLength(5);
    release();
    await pass(0);
    const first = batches.slice(5);
    await pass(HIDDEN_MS);
    return { first, again: batches.slice(5 + first.length).flat(), dead: dead.map(({ body }) => body) };
  }

  it('holds as many as there are places for, and runs end before others begin', async () => {
    const { first } = await batchesAfter(() => [], 'a', 'b', 'c', 'd');
    expect(first).toEqual([['a', 'b', 'c'], ['d']]);
  });

  it('brings again only what failed', async () => {
    const { again } = await batchesAfter((bodies) => bodies.filter((body) => body === 'b'), 'a', 'b', 'c');
    expect(again).toEqual(['b']);
  });

  it.each([
    ['the run fails', () => undefined],
    ['an identifier is of no message in it', () => ['a', 'none of them']],
  ])('comes again whole when %s', async (_, outcomes) => {
    const { again, dead } = await batchesAfter(outcomes, 'a', 'b');
    expect(again.toSorted()).toEqual(['a', 'b']);
    expect(dead.toSorted()).toEqual(['a', 'b']);
  });

  it('brings a message again once, that is named twice', async () => {
    const { again, dead } = await batchesAfter((bodies) => (bodies.length > 1 ? ['a', 'a'] : []), 'a', 'b');
    expect(again).toEqual(['a']);
    expect(dead).toEqual([]);
  });
});

describe('groups', () => {
  it('a group that has much in hand lets the others go first', async () => {
    const runs: (() => void)[] = [];
    const { queue, batches } = setUp(async () => {
      await new Promise<void>((resolve) => runs.push(resolve));
      return [];
    });
    for (let at = 0; at < 9; at++) queue.send(`large ${at}`, 0, 'large');
    queue.send('small', 0, 'small');
    await pass(0);
    expect(batches).toHaveLength(5);
    runs[0]?.();
    await pass(0);
    expect(batches[5]?.[0]).toBe('small');
  });

  it('a message tells its group', async () => {
    const { queue, records } = setUp();
    queue.send('hello', 0, 'large');
    await pass(0);
    expect(records[0]?.attributes.MessageGroupId).toBe('large');
  });
});

it('stops when the runs under way have ended, and hands over nothing more', async () => {
  const gate = Promise.withResolvers<void>();
  const { queue, batches } = setUp(async (bodies) => {
    await gate.promise;
    return bodies;
  });
  queue.send('running', 0);
  await pass(0);
  queue.send('waiting', 60);
  let hasStopped = false;
  const stopped = queue.stop().then(() => {
    hasStopped = true;
  });
  await pass(0);
  expect(hasStopped).toBe(false);
  gate.resolve();
  await stopped;
  await pass(3_600_000);
  expect(batches).toEqual([['running']]);
  expect(vi.getTimerCount()).toBe(0);
});
