/** Asks again for what does not come: decides when a hole in a channel has lasted long enough. */
import type { World } from './environment.ts';
import type { Sequence } from './sequence.ts';
import { Timer } from './timing.ts';

export class Gaps {
  readonly #world: World;
  readonly #sequence: Sequence;
  /**
   * Asks for everything after a seq. False: not now; {@link Gaps.update} will be called when it may
   * be.
   */
  readonly #sync: (after: number) => boolean;
  readonly #timer: Timer;
  /** The gap being waited for begins after this seq. */
  #gapAfter = 0;
  /** Tries in a row to close the same gap, and where it begins. */
  #tries = 0;
  #triedAfter = -1;
  /** The server said that more follows, so there is nothing to wait for. */
  #isCertain = false;
  #isStopped = false;

  constructor(world: World, sequence: Sequence, sync: (after: number) => boolean) {
    this.#world = world;
    this.#sequence = sequence;
    this.#sync = sync;
    this.#timer = new Timer(world);
  }

  /** A connection has begun: earlier tries say nothing about it. */
  restart(): void {
    this.#tries = 0;
  }

  /** The server has more: asks for it as soon as there is room. */
  expectMore(): void {
    this.#isCertain = true;
  }

  /** Something changed that may allow, or forbid, to ask for what is missing. */
  update(): void {
    const { isLacking, isFull, settled } = this.#sequence;
    if (isFull) this.#isCertain = true;
    if (!isLacking || isFull || this.#isStopped) {
      this.#timer.cancel();
      return;
    }
    if (settled !== this.#triedAfter) this.#tries = 0;
    if (this.#timer.isSet && this.#gapAfter === settled && !this.#isCertain) return;
    const { gapMs, backoffCapMs } = this.#world.timing;
    const delayMs =
      this.#isCertain && this.#tries === 0 ? 0 : Math.min(backoffCapMs, gapMs * 2 ** this.#tries);
    this.#isCertain = false;
    this.#gapAfter = settled;
    this.#timer.set(delayMs, () => this.#ask(settled));
  }

  /** From now on nothing is asked for. */
  stop(): void {
    this.#isStopped = true;
    this.#timer.cancel();
  }

  #ask(after: number): void {
    if (!this.#sync(after)) return;
    this.#triedAfter = after;
    this.#tries += 1;
  }
}
