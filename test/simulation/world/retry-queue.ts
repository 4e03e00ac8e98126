/**
 * A queue and its event source, set as in the manifest: at least once, some time after the delay, in
 * any order, some receives, then a dead letter, which an operator sends again.
 */
import type { SQSRecord } from 'aws-lambda';
import { LAMBDAS } from '../../../lambdas/manifest.ts';
import type { World } from './world.ts';

/** As Lambda asks of a queue that it reads: six times the time-out of its consumer. */
const VISIBILITY_TIMEOUTS = 6;

/** How each queue is read, and under which name its faults are counted. */
const QUEUES = {
  reconcile: { source: LAMBDAS.reconcile.queues[0], port: 'Retries' },
  'fan-out': { source: LAMBDAS['fan-out'].queues[0], port: 'FanOuts' },
} as const;

type Message = Pick<SQSRecord, 'messageId' | 'body'>;

export class RetryQueue {
  readonly deadLetters: Message[] = [];
  readonly #world: World;
  readonly #consumer: keyof typeof QUEUES;
  #last = 0;
  #underWay = 0;

  constructor(world: World, consumer: keyof typeof QUEUES) {
    this.#world = world;
    this.#consumer = consumer;
  }

  get idle(): boolean {
    return this.#underWay === 0;
  }

  send(body: string, delaySeconds: number): void {
    this.#last += 1;
    this.#enqueue({ messageId: `message-${this.#last}`, body }, delaySeconds * 1000);
  }

  /** The operator's answer to dead letters. */
  redrive(): number {
    const letters = this.deadLetters.splice(0);
    for (const letter of letters) this.#enqueue(letter, 0);
    return letters.length;
  }

  #enqueue(message: Message, delayMs: number): void {
    this.#underWay += 1;
    this.#deliver(message, delayMs).then(() => {
      this.#underWay -= 1;
    }, this.#world.failed);
  }

  async #deliver(message: Message, delayMs: number): Promise<void> {
    const { scheduler, random, faults } = this.#world;
    const { port, source } = QUEUES[this.#consumer];
    const visibilityMs = VISIBILITY_TIMEOUTS * LAMBDAS[this.#consumer].timeoutSeconds * 1000;
    await scheduler.sleep(delayMs + random.logarithmic(5, 600));
    if (faults.strikes(port, 'delivered late')) await scheduler.sleep(random.logarithmic(1000, 300_000));
    if (faults.strikes(port, 'delivered twice')) await this.#receive(message);
    for (let receives = 1; !(await this.#receive(message)); receives++) {
      if (receives === source.maxReceives) {
        this.deadLetters.push(message);
        return;
      }
      await scheduler.sleep(visibilityMs);
    }
  }

  /** Whether it was processed, and the queue heard of it. */
  async #receive(message: Message): Promise<boolean> {
    const { lambdas, faults } = this.#world;
    const outcome = await lambdas.invoke(this.#consumer, {
      Records: [{ ...message, eventSource: 'aws:sqs' }],
    });
    if (outcome.kind !== 'returned' || faults.strikes(QUEUES[this.#consumer].port, 'receipt lost'))
      return false;
    return (outcome.value as { batchItemFailures: unknown[] }).batchItemFailures.length === 0;
  }
}
