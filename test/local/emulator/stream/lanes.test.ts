/** How the records of a shard are spread: order per item, and one slow item does not hold up the others. */
import { expect, it } from 'vitest';
import type { BatchPorts, StreamRecord } from '../../../../local/emulator/stream/batch.ts';
import { createLanes, type EventSourceSettings } from '../../../../local/emulator/stream/lanes.ts';

const record = (item: string, sequence: number, eventName = 'INSERT'): StreamRecord => ({
  eventName,
  dynamodb: {
    ApproximateCreationDateTime: 0,
    Keys: { id: { S: item } },
    SequenceNumber: String(sequence),
  },
});

const SETTINGS: EventSourceSettings = {
  filters: [],
  batchSize: 10,
  parallelizationFactor: 10,
  maxRetries: 0,
  maxRecordAgeMs: 1000,
  bisect: false,
  retryDelayMs: () => 0,
};

const ports = (
  invoke: (records: StreamRecord[]) => Promise<unknown>,
  isStopping = () => false,
): BatchPorts => ({
  invoke,
  now: () => 0,
  sleep: async () => {},
  deadLetter: () => {},
  isStopping,
});

const itemsOf = (batch: StreamRecord[]) => batch.map(({ dynamodb }) => (dynamodb.Keys.id as { S: string }).S);

it('keeps the order of an item and finishes the others while one is held up', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const done: string[] = [];
  const lanes = createLanes(
    SETTINGS,
    ports(async (batch) => {
      if (itemsOf(batch).includes('slow')) await released;
      done.push(...batch.map(({ dynamodb }, at) => `${itemsOf(batch)[at]}${dynamodb.SequenceNumber}`));
    }),
  );
  const others = Array.from({ length: 20 }, (_, at) => `item${at}`);
  lanes.push([record('slow', 1), ...others.map((item) => record(item, 2)), record('slow', 3)]);
  lanes.push([record('slow', 4)]);
  await new Promise((resolve) => setImmediate(resolve));
  const early = done.length;
  expect(done.join()).not.toContain('slow');
  release();
  await lanes.drained();
  expect(early).toBeGreaterThan(0);
  expect(done.filter((name) => name.startsWith('slow'))).toEqual(['slow1', 'slow3', 'slow4']);
  expect(done).toHaveLength(23);
  expect(lanes.pending).toBe(0);
});

it('takes no more than a batch at a time, and passes over what the filter does not match', async () => {
  const sizes: number[] = [];
  const settings = { ...SETTINGS, batchSize: 2, filters: [{ eventName: ['INSERT'] }] };
  const lanes = createLanes(
    settings,
    ports(async (batch) => sizes.push(batch.length)),
  );
  lanes.push([1, 2, 3, 4, 5].map((sequence) => record('a', sequence)));
  lanes.push([record('a', 6, 'REMOVE')]);
  await lanes.drained();
  expect(sizes).toEqual([2, 2, 1]);
});

it('starts no other batch once it is stopping', async () => {
  let stopping = false;
  let runs = 0;
  const stop = async () => {
    runs++;
    stopping = true;
  };
  const lanes = createLanes(
    { ...SETTINGS, batchSize: 1 },
    ports(stop, () => stopping),
  );
  lanes.push([record('a', 1), record('a', 2)]);
  await lanes.drained();
  expect(runs).toBe(1);
});
