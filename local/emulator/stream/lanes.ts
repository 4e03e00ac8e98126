/** Spreads the records of one shard over parallel lanes: a record stays behind the earlier ones of its item, and of no other. */
import { crc32 } from 'node:zlib';
import type { FilterPattern } from '../../../lambdas/lambda-spec.ts';
import { type BatchPorts, type BatchSettings, deliver, type StreamRecord } from './batch.ts';
import { matchesPattern } from './event-filter.ts';

export interface EventSourceSettings extends BatchSettings {
  /** A record that matches none of them is passed over. Empty: every record matches. */
  filters: readonly FilterPattern[];
  batchSize: number;
  parallelizationFactor: number;
}

export interface Lanes {
  /** Returns at once; the lanes take the records when they get to them. */
  push(records: StreamRecord[]): void;
  /** Records not finished yet. */
  readonly pending: number;
  /** All that was pushed before is finished. */
  drained(): Promise<void>;
}

export function createLanes(settings: EventSourceSettings, ports: BatchPorts): Lanes {
  const lanes = Array.from({ length: settings.parallelizationFactor }, () => createLane(settings, ports));
  return {
    push(records) {
      const wanted = records.filter(
        (record) =>
          settings.filters.length === 0 || settings.filters.some((filter) => matchesPattern(filter, record)),
      );
      const byLane = Map.groupBy(wanted, (record) => crc32(itemOf(record)) % lanes.length);
      for (const [lane, its] of byLane) lanes[lane]?.push(its);
    },
    get pending() {
      return lanes.reduce((sum, lane) => sum + lane.pending(), 0);
    },
    drained: async () => {
      await Promise.all(lanes.map((lane) => lane.drained()));
    },
  };
}

function createLane(settings: EventSourceSettings, ports: BatchPorts) {
  const queue: StreamRecord[] = [];
  let inHand = 0;
  let running: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    while (queue.length > 0 && !ports.isStopping()) {
      const batch = queue.splice(0, settings.batchSize);
      inHand = batch.length;
      await deliver(batch, settings, ports);
      inHand = 0;
    }
  }

  return {
    push(records: StreamRecord[]) {
      const isIdle = queue.length === 0 && inHand === 0;
      queue.push(...records);
      if (isIdle) running = run();
    },
    pending: () => queue.length + inHand,
    drained: () => running,
  };
}

/** The same item has the same text, in whatever order its key attributes come. */
const itemOf = ({ dynamodb: { Keys } }: StreamRecord): string =>
  JSON.stringify(Object.entries(Keys).sort(([a], [b]) => (a < b ? -1 : 1)));
