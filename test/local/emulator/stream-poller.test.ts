/** The poller on streams made up by the test: shards that split, iterators that lapse, records of a former run. */
import type { Shard } from '@aws-sdk/client-dynamodb-streams';
import { expect, it } from 'vitest';
import { createLambdas } from '../../../local/emulator/lambdas.ts';
import type { StreamRecord } from '../../../local/emulator/stream/batch.ts';
import type { StreamsClient } from '../../../local/emulator/stream/client.ts';
import { startStreamPoller } from '../../../local/emulator/stream-poller.ts';
import { eventually, recordingLogger } from './support.ts';

interface FakeShard extends Shard {
  /** One page per request; an error is thrown instead. After the last one the shard is closed, or stays open. */
  pages: (string[] | Error)[];
  open?: boolean;
}

const NOW = new Date();

const record = (SequenceNumber: string, createdAt = NOW) => ({
  eventName: 'INSERT',
  dynamodb: {
    ApproximateCreationDateTime: createdAt.getTime() / 1000,
    Keys: { id: { S: 'same item' } },
    NewImage: { id: { S: 'same item' }, bytes: { B: 'AQI=' }, list: { L: [{ N: '1' }] } },
    SequenceNumber,
  },
});

/** Answers the three requests of the poller; an iterator is the shard and the number of the next page. */
function fakeStream(shards: FakeShard[], before: Date = NOW) {
  const starts: unknown[] = [];
  const answers: Record<string, (input: Record<string, string>) => unknown> = {
    DescribeStream: () => ({ StreamDescription: { Shards: shards } }),
    GetShardIterator(input) {
      starts.push(input.ShardIteratorType, input.SequenceNumber);
      return { ShardIterator: input.ShardId };
    },
    GetRecords({ ShardIterator }) {
      const shard = shards.find(({ ShardId }) => ShardId === ShardIterator);
      const page = shard?.pages.shift() ?? [];
      if (page instanceof Error) throw page;
      const Records = page.map((sequence) => record(sequence, sequence.startsWith('old') ? before : NOW));
      const more = shard?.open || shard?.pages.length;
      return { Records, NextShardIterator: more ? ShardIterator : undefined };
    },
  };
  const call = async (operation: string, input: Record<string, string>) => answers[operation]?.(input);
  return { client: { call } as StreamsClient, starts };
}

function start(
  client: StreamsClient,
  replay: (records: StreamRecord[]) => unknown = () => null,
  delayMs = 0,
) {
  const got: StreamRecord[] = [];
  const handler = async (event: unknown) => {
    const { Records } = event as { Records: StreamRecord[] };
    got.push(...Records);
    return await replay(Records);
  };
  const { logger, logged } = recordingLogger();
  const poller = startStreamPoller({
    client,
    streamArn: 'arn:stream',
    lambdas: createLambdas({ reconcile: { handler } }),
    name: 'reconcile',
    since: Date.now(),
    delayMs,
    logger,
    settings: {
      filters: [],
      batchSize: 10,
      parallelizationFactor: 1,
      maxRetries: 1,
      maxRecordAgeMs: 600_000,
      bisect: true,
      retryDelayMs: () => 1,
    },
  });
  const sequences = () => got.map(({ dynamodb }) => dynamodb.SequenceNumber);
  return { poller, got, sequences, logged };
}

it.concurrent('hands over records as Lambda does: whole seconds, the ARN of the stream', async () => {
  const { client, starts } = fakeStream([{ ShardId: 'a', pages: [['1']], open: true }]);
  const { poller, got } = start(client);
  const first = await eventually(() => got[0]);
  await poller.stop();
  expect(first).toMatchObject({
    eventName: 'INSERT',
    eventSource: 'aws:dynamodb',
    eventSourceARN: 'arn:stream',
    dynamodb: {
      ApproximateCreationDateTime: Math.trunc(NOW.getTime() / 1000),
      NewImage: { bytes: { B: 'AQI=' }, list: { L: [{ N: '1' }] } },
    },
  });
  expect(starts).toEqual(['TRIM_HORIZON', undefined]);
});

it.concurrent('holds records back for as long as it is told, and keeps their order', async () => {
  const { client } = fakeStream([{ ShardId: 'a', pages: [['1'], ['2', '3']], open: true }]);
  const startedAt = performance.now();
  const { poller, sequences } = start(client, undefined, 300);
  await eventually(() => sequences().length === 3 || undefined);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(299);
  expect(sequences()).toEqual(['1', '2', '3']);
  await poller.stop();
});

it.concurrent('reads the children of a split only when the parent is finished', async () => {
  const { client } = fakeStream([
    { ShardId: 'left', ParentShardId: 'parent', pages: [['3']], open: true },
    { ShardId: 'parent', ParentShardId: 'trimmed long ago', pages: [['1'], ['2']] },
    { ShardId: 'right', ParentShardId: 'parent', pages: [['4']], open: true },
  ]);
  const { poller, sequences } = start(client, () => new Promise((resolve) => setImmediate(resolve)));
  await eventually(() => sequences().length === 4 || undefined);
  await poller.stop();
  expect(sequences().slice(0, 2)).toEqual(['1', '2']);
  expect(sequences().slice(2).sort()).toEqual(['3', '4']);
});

it.concurrent('goes on behind the last record when an iterator lapses', async () => {
  const { client, starts } = fakeStream([
    { ShardId: 'a', pages: [['1', '2'], new Error('ExpiredIteratorException'), ['3']], open: true },
  ]);
  const { poller, sequences } = start(client);
  await eventually(() => sequences().length === 3 || undefined);
  await poller.stop();
  expect(starts).toEqual(['TRIM_HORIZON', undefined, 'AFTER_SEQUENCE_NUMBER', '2']);
});

it.concurrent('passes over the records of a former run', async () => {
  const before = new Date(NOW.getTime() - 5000);
  const { client } = fakeStream([{ ShardId: 'a', pages: [['old1', 'old2', '3']], open: true }], before);
  const { poller, sequences } = start(client);
  await eventually(() => sequences()[0]);
  await poller.stop();
  expect(sequences()).toEqual(['3']);
});

it.concurrent('logs a dead letter that says where the record is, not what it holds', async () => {
  const { client } = fakeStream([{ ShardId: 'a', pages: [['7']], open: true }]);
  const { poller, logged } = start(client, () => Promise.reject(new Error('no')));
  const letter = await eventually(() => logged.find(({ message }) => message === 'dead letter'));
  await poller.stop();
  expect(letter).toEqual({
    message: 'dead letter',
    functionArn: expect.stringMatching(/function:herald-reconcile$/),
    streamArn: 'arn:stream',
    shardId: 'a',
    condition: 'RetryAttemptsExhausted',
    approximateInvokeCount: 2,
    batchSize: 1,
    startSequenceNumber: '7',
    endSequenceNumber: '7',
  });
});
