/**
 * The stream of a table and the event source mapping that feeds it to `reconcile`, set as in the
 * manifest: order per item only, at least once, some retries, then a dead letter, which an operator
 * sends again.
 */
import type { DynamoDBRecord } from 'aws-lambda';
import { toAttributes } from '../../../lambdas/aws/attributes.ts';
import type { StreamSource } from '../../../lambdas/lambda-spec.ts';
import { matchesPattern } from '../../../local/emulator/stream/event-filter.ts';
import { type Change, keyOf } from '../dynamodb/database.ts';
import type { Row } from '../dynamodb/expressions.ts';
import type { World } from './world.ts';

const LANES = 4;

interface Queued {
  record: DynamoDBRecord;
  /** As the record shows it. */
  row: Row;
  at: number;
}

export class Stream {
  readonly deadLetters: Queued[] = [];
  readonly #lanes: { queue: Queued[]; busy: boolean }[];
  readonly #world: World;
  readonly #source: StreamSource;
  #sequence = 0;

  constructor(world: World, source: StreamSource) {
    this.#world = world;
    this.#source = source;
    this.#lanes = Array.from({ length: LANES }, () => ({ queue: [], busy: false }));
  }

  get idle(): boolean {
    return this.#lanes.every(({ queue, busy }) => queue.length === 0 && !busy);
  }

  add({ table, before, after }: Change): void {
    const row = after ?? before;
    if (table !== this.#source.table || !row) return;
    const [OldImage, NewImage] = [before && toAttributes(before), after && toAttributes(after)];
    if (OldImage && NewImage && JSON.stringify(OldImage) === JSON.stringify(NewImage)) return;
    const record: DynamoDBRecord = {
      eventName: before ? (after ? 'MODIFY' : 'REMOVE') : 'INSERT',
      dynamodb: {
        Keys: toAttributes(keyOf(table, row)),
        ...(OldImage && { OldImage }),
        ...(NewImage && { NewImage }),
        SequenceNumber: String(++this.#sequence).padStart(20, '0'),
      },
    };
    if (!this.#source.filters.some((pattern) => matchesPattern(pattern, record))) return;
    this.#enqueue({ record, row, at: this.#world.scheduler.now }, laneOf(row));
  }

  /** The operator's answer to dead letters. */
  redrive(): number {
    const letters = this.deadLetters.splice(0);
    for (const { record, row } of letters) {
      this.#enqueue({ record, row, at: this.#world.scheduler.now }, this.#world.random.integer(0, LANES - 1));
    }
    return letters.length;
  }

  #enqueue(queued: Queued, lane: number): void {
    const { queue, busy } = this.#lanes[lane] as { queue: Queued[]; busy: boolean };
    queue.push(queued);
    if (!busy) this.#drain(lane).catch(this.#world.failed);
  }

  async #drain(number: number): Promise<void> {
    const { scheduler, random, faults } = this.#world;
    const { batchSize, maxRetries } = this.#source;
    const lane = this.#lanes[number];
    if (!lane) return;
    lane.busy = true;
    while (lane.queue.length > 0) {
      await scheduler.sleep(random.logarithmic(5, 600));
      if (faults.strikes('Stream', 'late')) await scheduler.sleep(random.logarithmic(1000, 60_000));
      if (faults.strikes('Stream', 'paused')) await scheduler.sleep(random.logarithmic(60_000, 15 * 60_000));
      const batch = lane.queue.splice(0, random.integer(1, batchSize));
      await this.#process(batch, maxRetries);
      if (faults.strikes('Stream', 'duplicate')) await this.#process(batch, maxRetries);
    }
    lane.busy = false;
  }

  async #process(batch: Queued[], retries: number): Promise<void> {
    const { scheduler, lambdas, faults, judge } = this.#world;
    const tooOld = batch.filter(({ at }) => scheduler.now - at > this.#source.maxRecordAgeSeconds * 1000);
    this.deadLetters.push(...tooOld);
    const fresh = batch.filter((queued) => !tooOld.includes(queued));
    if (fresh.length === 0) return;
    judge.places.batched(fresh.map(({ row }) => row));
    const outcome = await lambdas.invoke('reconcile', { Records: fresh.map(({ record }) => record) });
    const lost = outcome.kind !== 'returned' || faults.strikes('Stream', 'result lost');
    const failed = lost ? fresh : fromLowestFailure(fresh, outcome.value);
    if (failed.length === 0) return;
    await scheduler.sleep(1000);
    if (lost && failed.length > 1) {
      const half = failed.length >> 1;
      await this.#process(failed.slice(0, half), retries);
      await this.#process(failed.slice(half), retries);
    } else if (retries === 0) {
      this.deadLetters.push(...failed);
    } else {
      await this.#process(failed, retries - 1);
    }
  }
}

/** Everything from the lowest reported on comes again, also what succeeded. */
function fromLowestFailure(batch: Queued[], answer: unknown): Queued[] {
  const { batchItemFailures } = answer as { batchItemFailures: { itemIdentifier: string }[] };
  const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  const first = batch.findIndex(({ record }) => failed.has(record.dynamodb?.SequenceNumber ?? ''));
  return first < 0 ? [] : batch.slice(first);
}

/** Per item: one connection's records stay in order, those of two may overtake each other. */
function laneOf({ connectionId }: Row): number {
  let hash = 7;
  for (const unit of String(connectionId)) hash = (hash * 31 + unit.charCodeAt(0)) >>> 0;
  return hash % LANES;
}
