/** How far the replay on one connection has come, and whether more of it is to be expected without a `sync`. */
import type { ReplayFrame } from '../lambdas/protocol/frames.ts';

/** The server stops after so many frames and waits for a `sync`. */
const WINDOW_FRAMES = 16;

export class ReplayWindow {
  /** The server is sending frames of its own accord. */
  isOpen = false;
  /** The `through` of its newest frame. */
  reach = 0;
  #frames = 0;

  open(after: number): void {
    this.isOpen = true;
    this.reach = after;
    this.#frames = 0;
  }

  receive({ more, through }: Pick<ReplayFrame, 'more' | 'through'>): void {
    this.#frames += 1;
    if (!more || this.#frames >= WINDOW_FRAMES) this.isOpen = false;
    this.reach = Math.max(this.reach, through);
  }
}
