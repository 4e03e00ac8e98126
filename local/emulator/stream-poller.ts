/** Reads a table's stream and feeds it to a Lambda, like an event source mapping: shard by shard, parents before children. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Shard } from '@aws-sdk/client-dynamodb-streams';
import type { Logger } from '../../lambdas/domain/ports/logger.ts';
import { functionArn, type Lambdas } from './lambdas.ts';
import type { BatchPorts, GiveUpReason, StreamRecord } from './stream/batch.ts';
import type { StreamsClient } from './stream/client.ts';
import { createLanes, type EventSourceSettings } from './stream/lanes.ts';
import { createPace } from './stream/pace.ts';
import { lambdaRecord } from './stream/records.ts';

export interface StreamPoller {
  /** Something was written, or will be any moment: look now, and often for a while. */
  wake(): void;
  /** Waits for the runs under way, and starts no other. */
  stop(): Promise<void>;
}

export interface PollerOptions {
  client: StreamsClient;
  streamArn: string;
  lambdas: Lambdas;
  /** The Lambda to feed. */
  name: string;
  settings: EventSourceSettings;
  /** Records of before are passed over. Epoch milliseconds. */
  since: number;
  /** How long a record waits before it is handed over. On AWS, which polls, up to 250. */
  delayMs: number;
  logger: Logger;
}

const AFTER_ERROR_MS = 500;
/** A shard that is closed is noticed at once; this is for one that appears without. */
const DISCOVERY_MS = 10_000;
const MAX_PENDING_RECORDS = 10_000;

/** Looks at the stream from its oldest record, so that none is missed. */
export function startStreamPoller(options: PollerOptions): StreamPoller {
  const { client, streamArn, settings, delayMs, logger } = options;
  const sinceSeconds = Math.trunc(options.since / 1000);
  const stopping = new AbortController();
  const pace = createPace();
  const pause = (milliseconds: number) =>
    sleep(milliseconds, undefined, { signal: stopping.signal }).catch(() => {}); // only the stop rejects it
  const taken = new Set<string>();
  const finished = new Set<string>();
  const readers = new Set<Promise<void>>();

  async function discover(): Promise<void> {
    const shards = await listShards(client, streamArn);
    const known = new Set(shards.map(({ ShardId }) => ShardId));
    for (const { ShardId = '', ParentShardId } of shards) {
      const waits = ParentShardId !== undefined && known.has(ParentShardId) && !finished.has(ParentShardId);
      if (taken.has(ShardId) || waits) continue;
      taken.add(ShardId);
      const reader = readShard(ShardId).finally(() => readers.delete(reader));
      readers.add(reader);
    }
  }

  /** Returns when the shard is closed and its last record is finished. */
  async function readShard(shardId: string): Promise<void> {
    const lanes = createLanes(settings, batchPorts(options, shardId, stopping.signal, pace.wake));
    let position: string | undefined;
    /** Resolves when everything that was read is handed over, in order. */
    let handedOver = Promise.resolve();
    const handOver = (records: StreamRecord[]) => {
      const fresh = records.filter(({ dynamodb }) => dynamodb.ApproximateCreationDateTime >= sinceSeconds);
      if (delayMs === 0) return lanes.push(fresh);
      const due = pause(delayMs);
      handedOver = handedOver.then(() => due).then(() => lanes.push(fresh));
    };
    while (!stopping.signal.aborted) {
      try {
        for await (const records of pages(client, streamArn, shardId, position)) {
          handOver(records);
          position = records.at(-1)?.dynamodb.SequenceNumber ?? position;
          if (lanes.pending > MAX_PENDING_RECORDS) await lanes.drained();
          if (records.length === 0) await pace.rest();
          if (stopping.signal.aborted) break;
        }
        break;
      } catch (error) {
        // An iterator lapses after 15 minutes; the next one starts behind the last record read.
        if (!stopping.signal.aborted)
          logger.warn('reading the stream failed', { shardId, error: error as Error });
        await pause(AFTER_ERROR_MS);
      }
    }
    await handedOver;
    await lanes.drained();
    finished.add(shardId);
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await discover();
        await Promise.race([pause(DISCOVERY_MS), ...readers]);
      } catch (error) {
        if (stopping.signal.aborted) break;
        logger.warn('reading the stream failed', { error: error as Error });
        await pause(AFTER_ERROR_MS);
      }
    }
    await Promise.all(readers);
  }

  const running = run();
  return {
    wake: pace.wake,
    async stop() {
      stopping.abort();
      pace.wake();
      await running;
    },
  };
}

async function listShards(client: StreamsClient, StreamArn: string): Promise<Shard[]> {
  const shards: Shard[] = [];
  let ExclusiveStartShardId: string | undefined;
  do {
    const { StreamDescription } = await client.call('DescribeStream', { StreamArn, ExclusiveStartShardId });
    shards.push(...(StreamDescription?.Shards ?? []));
    ExclusiveStartShardId = StreamDescription?.LastEvaluatedShardId;
  } while (ExclusiveStartShardId !== undefined);
  return shards;
}

/** The shard's records after `position`, or from its oldest on; ends when the shard is closed. */
async function* pages(
  client: StreamsClient,
  StreamArn: string,
  ShardId: string,
  position: string | undefined,
): AsyncGenerator<StreamRecord[]> {
  const start =
    position === undefined
      ? ({ ShardIteratorType: 'TRIM_HORIZON' } as const)
      : ({ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: position } as const);
  let { ShardIterator } = await client.call('GetShardIterator', { StreamArn, ShardId, ...start });
  while (ShardIterator !== undefined) {
    const page = await client.call('GetRecords', { ShardIterator });
    yield (page.Records ?? []).map((record) => lambdaRecord(record, StreamArn));
    ShardIterator = page.NextShardIterator;
  }
}

function batchPorts(
  { lambdas, name, streamArn, logger }: PollerOptions,
  shardId: string,
  stopping: AbortSignal,
  wake: () => void,
): BatchPorts {
  return {
    async invoke(Records) {
      try {
        return await lambdas.invoke(name, { Records });
      } catch (error) {
        logger.error('the Lambda failed on a batch', {
          function: name,
          records: Records.length,
          error: error as Error,
        });
        throw error;
      } finally {
        wake();
      }
    },
    now: Date.now,
    sleep: (milliseconds) => sleep(milliseconds, undefined, { signal: stopping }).catch(() => {}),
    isStopping: () => stopping.aborted,
    deadLetter: (records, reason, invocations) =>
      logger.error('dead letter', {
        functionArn: functionArn(name),
        streamArn,
        shardId,
        ...metadata(records, reason, invocations),
      }),
  };
}

/** What Lambda tells its dead-letter queue of a batch: where it is, not what it holds. */
const metadata = (records: StreamRecord[], condition: GiveUpReason, invocations: number) => ({
  condition,
  approximateInvokeCount: invocations,
  batchSize: records.length,
  startSequenceNumber: records.at(0)?.dynamodb.SequenceNumber,
  endSequenceNumber: records.at(-1)?.dynamodb.SequenceNumber,
});
