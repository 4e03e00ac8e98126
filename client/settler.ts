/**
 * Keeps how far a channel has come: first in the storage, then at the server. In that order a crash
 * in between costs an ack, which is sent again, and never a message that was surfaced once.
 */
import type { Position } from './types.ts';

export interface Keepers {
  /** Puts the position into the storage. `isAnew`: whatever is there is of another numbering. */
  save(position: Position, isAnew: boolean): Promise<void>;
  /** So many messages may be acknowledged. */
  due(count: number): void;
}

export class Settler {
  readonly #keepers: Keepers;
  #hasBegun = false;
  #position: Position | undefined;
  #saved: Position | undefined;
  #isAnew = false;
  /** What the server knows, or is on its way to it. */
  ackedSeq = 0;
  /** Resolves when all that was noted is in the storage. */
  saving: Promise<void> | undefined;

  constructor(keepers: Keepers) {
    this.#keepers = keepers;
  }

  /** The newest position that was noted since the beginning. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** What is in the storage and may be acknowledged. */
  get due(): Position | undefined {
    return this.#saved && this.#saved.seq > this.ackedSeq ? this.#saved : undefined;
  }

  /** A connection has begun. Its `serverCursor` is all that the server remembers of our acks. */
  begin(position: Position, serverCursor: number, isAnew: boolean): void {
    this.#hasBegun = true;
    this.ackedSeq = serverCursor;
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

  /** Positions that come while a slow storage writes are written together. */
  async #save(): Promise<void> {
    while (this.#position && this.#saved !== this.#position) {
      const position = this.#position;
      const isAnew = this.#isAnew;
      this.#isAnew = false;
      await this.#keepers.save(position, isAnew);
      this.#saved = position;
      this.#keepers.due(position.seq - this.ackedSeq);
    }
    this.saving = undefined;
  }
}
