/**
 * What one connection knows of one channel that it hears: how far its replay has come, and whether
 * more of it is to be expected without a `sync`.
 */
import type { ReplayFrame } from '../lambdas/protocol/frames.ts';
import { REPLAY_WINDOW_FRAMES } from '../lambdas/protocol/limits.ts';
import type { World } from './environment.ts';
import { Timer } from './timing.ts';

export class Subscription {
  /** The channel's numbering. */
  epoch: string | undefined;
  /** The server subscribed the connection by itself. */
  isGiven = false;
  /** Where the server began a topic by itself. 0: we have asked, and said where we stand. */
  givenFrom = 0;
  /** The server is sending frames of its own accord. */
  isOpen = false;
  /** The `through` of its newest frame. */
  reach = 0;
  /** Runs out when a replay that is under way does not go on. */
  readonly deadline: Timer;
  #frames = 0;

  constructor(world: World) {
    this.deadline = new Timer(world);
  }

  /** A window of a replay begins. */
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
