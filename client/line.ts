/** One connection and what it is replaying: a frame settles what follows its `after`, up to its `through`. */
import type { ReadyFrame, ReplayFrame } from '../lambdas/protocol/frames.ts';
import type { Connection } from './connection.ts';
import type { Timer } from './timer.ts';

/** The server stops after so many frames and waits for a `sync`. */
const WINDOW_FRAMES = 16;

export class Line {
  readonly connection: Connection;
  ready: ReadyFrame | undefined;
  /** Opened while another connection was delivering: what that one brought may be ahead of this one's head. */
  readonly isOverlapping: boolean;
  /** Another one was opened to take over: from now on `replaced` is what we asked for. */
  isRelieved = false;
  /** Whether the replay under way goes on. */
  readonly watch: Timer;
  /** A replay is under way. */
  isReplaying = false;
  /** How far the frames of its replay have come. */
  reach = 0;
  #frames = 0;
  #turn: Promise<void> = Promise.resolve();

  constructor(connection: Connection, isOverlapping: boolean, watch: Timer) {
    this.connection = connection;
    this.isOverlapping = isOverlapping;
    this.watch = watch;
  }

  /** Handles its frames one after the other. */
  queue(handle: () => Promise<void>): void {
    this.#turn = this.#turn.then(handle).catch(() => this.restart('bad frame'));
  }

  begin(after: number): void {
    this.isReplaying = true;
    this.reach = after;
    this.#frames = 0;
  }

  receive({ more, through }: ReplayFrame): void {
    this.#frames += 1;
    if (!more || this.#frames >= WINDOW_FRAMES) this.isReplaying = false;
    this.reach = Math.max(this.reach, through);
  }

  /** Ends it for a reason of ours; another one follows. */
  restart(message: string): void {
    this.connection.end({ message });
  }

  close(): void {
    this.watch.cancel();
    this.connection.close();
  }
}
