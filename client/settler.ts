/**
 * Keeps how far a channel has come: first in the storage, then at the server. In that order a crash
 * in between costs an ack, which is sent again, and never a message that was surfaced once.
 */
import type { World } from './environment.ts';
import { Timer } from './timing.ts';
import type { Position } from './types.ts';

export interface Keepers {
  /** Puts the position into the storage. `isAnew`: whatever is there is of another numbering. */
  save(position: Position, isAnew: boolean): Promise<void>;
  /** Acknowledges it at the server. False: there is no connection to send it on. */
  ack(position: Position): boolean;
}

export class Settler {
  readonly #world: World;
  readonly #keepers: Keepers;
  readonly #timer: Timer;
  #hasBegun = false;
  #position: Position | undefined;
  #saved: Position | undefined;
  #acked = 0;
  #isAnew = false;
  /** Resolves when all that was noted is in the storage. */
  saving: Promise<void> | undefined;

  constructor(world: World, keepers: Keepers) {
    this.#world = world;
    this.#keepers = keepers;
    this.#timer = new Timer(world);
  }

  /** The newest position that was noted since the beginning. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** A connection has begun. Its `serverCursor` is all that the server remembers of our acks. */
  begin(position: Position, serverCursor: number, isAnew: boolean): void {
    this.#hasBegun = true;
    this.#acked = serverCursor;
    this.#isAnew ||= isAnew;
    this.#position = this.#saved = undefined;
    this.note(position);
  }

  /**
   * All through this position is finished, here or in another tab. Never goes back within a
   * numbering.
   */
  note(position: Position): void {
    const { epoch, seq = 0 } = this.#position ?? {};
    if (!this.#hasBegun || (epoch === position.epoch && seq >= position.seq)) return;
    this.#position = position;
    this.saving ??= this.#save();
  }

  /** Acknowledges now what is in the storage. */
  ack(): void {
    this.#timer.cancel();
    const position = this.#saved;
    if (position && position.seq > this.#acked && this.#keepers.ack(position)) this.#acked = position.seq;
  }

  /** Positions that come while a slow storage writes are written together. */
  async #save(): Promise<void> {
    while (this.#position && this.#saved !== this.#position) {
      const position = this.#position;
      const isAnew = this.#isAnew;
      this.#isAnew = false;
      await this.#keepers.save(position, isAnew);
      this.#saved = position;
      this.#schedule();
    }
    this.saving = undefined;
  }

  #schedule(): void {
    const due = this.#saved ? this.#saved.seq - this.#acked : 0;
    const { ackBatch, ackDelayMs } = this.#world.timing;
    if (due >= ackBatch) this.ack();
    else if (due > 0 && !this.#timer.isSet) this.#timer.set(ackDelayMs, () => this.ack());
  }
}
