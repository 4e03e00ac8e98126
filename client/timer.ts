/** One thing to happen later, at most: setting it again replaces it. */
import type { World } from './environment.ts';

export class Timer {
  readonly #world: World;
  #cancel: (() => void) | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  get isSet(): boolean {
    return this.#cancel !== undefined;
  }

  set(ms: number, action: () => void): void {
    this.cancel();
    this.#cancel = this.#world.after(ms, () => {
      this.#cancel = undefined;
      action();
    });
  }

  cancel(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

/** Full jitter: anywhere from 0 up to a bound that doubles with every attempt. */
export const jitter = ({ random, timing }: World, attempt: number): number =>
  random() * Math.min(timing.backoffCapMs, timing.backoffBaseMs * 2 ** attempt);
