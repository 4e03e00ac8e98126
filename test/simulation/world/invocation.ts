/** One run of a Lambda: its own clock, its calls, its death. */

import type { LambdaName } from '../../../lambdas/manifest.ts';
import type { CallPort, Faults } from '../faults.ts';
import type { Random } from '../random.ts';
import type { Scheduler } from '../scheduler.ts';

/** `crashed`: out of memory, timed out, its machine lost. Nobody is told how far it came. */
export type Outcome =
  | { kind: 'returned'; value: unknown }
  | { kind: 'failed'; error: unknown }
  | { kind: 'crashed' };

export type Result<Value> = { value: Value } | { error: unknown };

interface InvocationWorld {
  scheduler: Scheduler;
  random: Random;
  faults: Faults;
  /** Every call is answered within milliseconds. */
  isQuick: boolean;
  /** How long a slow call takes, at most. @default 10 s */
  slowestMs?: number | undefined;
}

const CALL_TIMEOUT_MS = 3000;
const SLOWEST_MS = 10_000;

export class Invocation {
  dead = false;
  /** Calls that were made and not answered yet. */
  outstanding = 0;
  readonly id: number;
  readonly lambda: LambdaName;
  readonly startedAt: number;
  readonly clockOffsetMs: number;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #faults: Faults;
  readonly #world: InvocationWorld;
  readonly #end: (outcome: Outcome) => void;
  #crashed = () => {};

  constructor(
    id: number,
    lambda: LambdaName,
    clockOffsetMs: number,
    world: InvocationWorld,
    end: (outcome: Outcome) => void,
  ) {
    this.id = id;
    this.lambda = lambda;
    this.clockOffsetMs = clockOffsetMs;
    const { scheduler, random, faults } = world;
    this.#scheduler = scheduler;
    this.#random = random;
    this.#faults = faults;
    this.#world = world;
    this.startedAt = scheduler.now;
    this.#end = end;
  }

  /** What this Lambda's clock says. */
  get now(): number {
    return Math.floor(this.#scheduler.now) + this.clockOffsetMs;
  }

  finish(outcome: Outcome): void {
    if (this.dead) return;
    this.dead = true;
    this.#end(outcome);
  }

  crash(): void {
    if (!this.dead) this.#crashed();
    this.finish({ kind: 'crashed' });
  }

  onCrash(crashed: () => void): void {
    this.#crashed = crashed;
  }

  sleep(milliseconds: number): Promise<void> {
    return this.#answered((resolve) =>
      this.#scheduler.after(milliseconds, () => resolve({ value: undefined })),
    );
  }

  /**
   * One call over the network: the effect at one instant, the answer at a later one, and a fault perhaps. `failure`: what
   * a fault looks like to the caller.
   */
  call<Value>(
    port: CallPort,
    effect: (done: (result: Result<Value>) => void) => void,
    failure: (kind: 'unreachable' | 'throttled' | 'gone') => Result<Value>,
  ): Promise<Value> {
    return this.#answered((answer) => {
      const fault = this.#faults.ofCall(port);
      const happen = (done: (result: Result<Value>) => void) => {
        // What a dead Lambda had sent is on the wire, or is not.
        if (!this.dead || this.#random.chance(0.5)) effect(done);
      };
      const later = (result: Result<Value>) => this.#scheduler.after(this.#latency(), () => answer(result));
      const arrives =
        fault === 'slow'
          ? this.#random.logarithmic(200, this.#world.slowestMs ?? SLOWEST_MS)
          : this.#latency();

      switch (fault) {
        case 'crash before':
          return this.crash();
        case 'error before':
          return void this.#scheduler.after(arrives, () => answer(failure('unreachable')));
        case 'throttle':
          return void this.#scheduler.after(arrives, () => answer(failure('throttled')));
        case 'late effect':
          this.#scheduler.after(this.#random.logarithmic(CALL_TIMEOUT_MS, 20_000), () => happen(() => {}));
          return void this.#scheduler.after(CALL_TIMEOUT_MS, () => answer(failure('unreachable')));
        case 'error after':
          return void this.#scheduler.after(arrives, () => happen(() => later(failure('unreachable'))));
        case 'gone though open':
          return void this.#scheduler.after(arrives, () => happen(() => later(failure('gone'))));
        case 'crash after':
          return void this.#scheduler.after(arrives, () => happen(() => this.crash()));
        case 'repeated':
          // Its answer was lost, and the client tried again.
          this.#scheduler.after(arrives, () => happen(() => {}));
          return void this.#scheduler.after(arrives + this.#random.logarithmic(25, 1000), () =>
            happen(later),
          );
        default:
          return void this.#scheduler.after(arrives, () => happen(later));
      }
    });
  }

  /** A promise that never settles once the Lambda is dead. */
  #answered<Value>(ask: (answer: (result: Result<Value>) => void) => void): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.dead) return;
      this.outstanding += 1;
      ask((result) => {
        if (this.dead) return;
        this.outstanding -= 1;
        if ('error' in result) reject(result.error);
        else resolve(result.value);
      });
    });
  }

  #latency(): number {
    const isSlow = this.#random.chance(0.05) && !this.#world.isQuick;
    return isSlow ? this.#random.logarithmic(20, 2000) : this.#random.logarithmic(1, 20);
  }
}
