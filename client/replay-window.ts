/**
 * How far the replay on one connection has come, and whether more of it is to be expected without a
 * `sync`.
 */
import type { ReplayFrame } from '../lambdas/protocol/frames.ts';
import { REPLAY_WINDOW_FRAMES } from '../lambdas/protocol/limits.ts';

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
    if (!more || this.#frames >= REPLAY_WINDOW_FRAMES) this.isOpen = false;
    this.reach = Math.max(this.reach, through);
  }
}
