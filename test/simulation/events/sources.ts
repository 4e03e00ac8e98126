/** What hands work to the Lambdas: a queue with delays, and the stream of a table. At least once, late, and stalling at times. */
import type { DynamoDBRecord, SQSRecord } from 'aws-lambda';
import { toAttributes } from '../../../lambdas/aws/attributes.ts';
import type { StreamSource } from '../../../lambdas/lambda-spec.ts';
import { matchesPattern } from '../../../local/emulator/stream/event-filter.ts';
import { type Change, keyOf } from '../dynamodb/database.ts';
import type { Faults } from '../faults.ts';
import type { Random } from '../random.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Outcome } from '../world/invocation.ts';

interface Around {
  scheduler: Scheduler;
  random: Random;
  faults: Faults;
  invoke(lambda: 'later' | 'lifecycle' | 'outbox', event: unknown): Promise<Outcome>;
  failed(error: unknown): void;
}

const HIDDEN_MS = 180_000;

export class DelayQueue {
  readonly #around: Around;
  readonly #consumer: 'later' | 'outbox';
  #last = 0;

  constructor(around: Around, consumer: 'later' | 'outbox') {
    this.#around = around;
    this.#consumer = consumer;
  }

  send(body: string, delaySeconds: number): void {
    const message = { messageId: `m${++this.#last}`, body };
    this.#deliver(message, delaySeconds * 1000).catch(this.#around.failed);
  }

  async #deliver(message: Pick<SQSRecord, 'messageId' | 'body'>, delayMs: number): Promise<void> {
    const { scheduler, random, faults } = this.#around;
    await scheduler.sleep(delayMs + random.logarithmic(1, 600));
    if (faults.strikes('Retries', 'delivered late')) await scheduler.sleep(random.logarithmic(1000, 600_000));
    let receives = 1;
    const another = faults.strikes('Retries', 'delivered twice')
      ? this.#receive(message, receives++)
      : undefined;
    // An operator puts dead letters back.
    while (!(await this.#receive(message, receives++))) await scheduler.sleep(HIDDEN_MS);
    await another;
  }

  async #receive(message: Pick<SQSRecord, 'messageId' | 'body'>, receives: number): Promise<boolean> {
    const { invoke, faults } = this.#around;
    const attributes = { ApproximateReceiveCount: String(receives) };
    const outcome = await invoke(this.#consumer, { Records: [{ ...message, attributes }] });
    if (outcome.kind !== 'returned' || faults.strikes('Retries', 'receipt lost')) return false;
    return (outcome.value as { batchItemFailures: unknown[] }).batchItemFailures.length === 0;
  }
}

export class Feed {
  readonly #around: Around;
  readonly #source: StreamSource;
  readonly #consumer: 'lifecycle' | 'outbox';
  readonly #queue: DynamoDBRecord[] = [];
  #sequence = 0;
  #isBusy = false;

  constructor(around: Around, consumer: 'lifecycle' | 'outbox', source: StreamSource) {
    this.#around = around;
    this.#consumer = consumer;
    this.#source = source;
  }

  add({ table, before, after }: Change): void {
    const row = after ?? before;
    if (table !== this.#source.table || row === undefined) return;
    const record: DynamoDBRecord = {
      eventName: before ? (after ? 'MODIFY' : 'REMOVE') : 'INSERT',
      dynamodb: {
        ApproximateCreationDateTime: Math.floor(this.#around.scheduler.now / 1000),
        Keys: toAttributes(keyOf(table, row)),
        ...(before && { OldImage: toAttributes(before) }),
        ...(after && { NewImage: toAttributes(after) }),
        SequenceNumber: String(++this.#sequence).padStart(20, '0'),
      },
    };
    if (!this.#source.filters.some((pattern) => matchesPattern(pattern, record))) return;
    this.#queue.push(record);
    if (!this.#isBusy) this.#drain().catch(this.#around.failed);
  }

  /** One shard: its batches come one after the other. */
  async #drain(): Promise<void> {
    const { scheduler, random, faults } = this.#around;
    this.#isBusy = true;
    while (this.#queue.length > 0) {
      await scheduler.sleep(random.logarithmic(5, 600));
      if (faults.strikes('Stream', 'late')) await scheduler.sleep(random.logarithmic(1000, 60_000));
      if (faults.strikes('Stream', 'paused')) await scheduler.sleep(random.logarithmic(60_000, 3_600_000));
      const batch = this.#queue.splice(0, random.integer(1, this.#source.batchSize));
      await this.#serve(batch);
      if (faults.strikes('Stream', 'duplicate')) await this.#serve(batch);
    }
    this.#isBusy = false;
  }

  /** Everything from the lowest reported on comes again. */
  async #serve(batch: DynamoDBRecord[]): Promise<void> {
    const { scheduler, faults, invoke } = this.#around;
    for (let left = batch; left.length > 0; ) {
      const outcome = await invoke(this.#consumer, { Records: left });
      if (outcome.kind === 'returned' && !faults.strikes('Stream', 'result lost')) {
        const { batchItemFailures } = outcome.value as { batchItemFailures: { itemIdentifier: string }[] };
        const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
        const first = left.findIndex(({ dynamodb }) => failed.has(dynamodb?.SequenceNumber ?? ''));
        left = first < 0 ? [] : left.slice(first);
      }
      if (left.length > 0) await scheduler.sleep(1000);
    }
  }
}
