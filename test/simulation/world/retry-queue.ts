/**
 * The reconcile queue and its event source: at least once, some time after the delay, in any order,
 * five receives, then a dead letter, which an operator sends again.
 */
import type { SQSRecord } from 'aws-lambda';
import type { World } from './world.ts';

const MAX_RECEIVES = 5;
const VISIBILITY_MS = 12 * 60_000;

type Message = Pick<SQSRecord, 'messageId' | 'body'>;

export class RetryQueue {
  readonly deadLetters: Message[] = [];
  readonly #world: World;
  #last = 0;
  #underWay = 0;

  constructor(world: World) {
    this.#world = world;
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
    await scheduler.sleep(delayMs + random.logarithmic(5, 600));
    if (faults.strikes('Retries', 'delivered late')) await scheduler.sleep(random.logarithmic(1000, 300_000));
    if (faults.strikes('Retries', 'delivered twice')) await this.#receive(message);
    for (let receives = 1; !(await this.#receive(message)); receives++) {
      if (receives === MAX_RECEIVES) {
        this.deadLetters.push(message);
        return;
      }
      await scheduler.sleep(VISIBILITY_MS);
    }
  }

  /** Whether it was processed, and the queue heard of it. */
  async #receive(message: Message): Promise<boolean> {
    const { lambdas, faults } = this.#world;
    const outcome = await lambdas.invoke('reconcile', { Records: [{ ...message, eventSource: 'aws:sqs' }] });
    if (outcome.kind !== 'returned' || faults.strikes('Retries', 'receipt lost')) return false;
    return (outcome.value as { batchItemFailures: unknown[] }).batchItemFailures.length === 0;
  }
}
