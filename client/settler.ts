/** Keeps how far we have come: first in the storage, then at the server, so that what was surfaced once is not again. */
import type { World } from './environment.ts';
import { savePosition } from './storage.ts';
import { Timer } from './timer.ts';
import type { KeyValueStorage, Position } from './types.ts';

export class Settler {
  readonly #world: World;
  readonly #storage: KeyValueStorage;
  /** False: there is no connection to send it on. */
  readonly #send: (position: Position) => boolean;
  readonly #timer: Timer;
  #key = '';
  #position: Position | undefined;
  #saved: Position | undefined;
  #acked = 0;
  #isAnew = false;
  /** Resolves when all that was noted is in the storage. */
  saving: Promise<void> | undefined;

  constructor(world: World, storage: KeyValueStorage, send: (position: Position) => boolean) {
    this.#world = world;
    this.#timer = new Timer(world);
    this.#storage = storage;
    this.#send = send;
  }

  /** A connection has begun: the server's cursor is all it remembers of our acks. `anew`: forget what is in the storage. */
  begin(key: string, position: Position, serverCursor: number, anew: boolean): void {
    this.#key = key;
    this.#acked = serverCursor;
    this.#isAnew ||= anew;
    this.note(position);
    this.#schedule();
  }

  /** All through this position is finished. */
  note(position: Position): void {
    const { epoch, seq } = this.#position ?? {};
    if (this.#key === '' || (epoch === position.epoch && seq === position.seq)) return;
    this.#position = position;
    this.saving ??= this.#save();
  }

  /** What comes while a slow storage writes is written together. */
  async #save(): Promise<void> {
    while (this.#position && this.#saved !== this.#position) {
      const position = this.#position;
      await savePosition(this.#storage, this.#key, position, this.#isAnew);
      this.#isAnew = false;
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

  /** Acknowledges now what is in the storage. */
  ack(): void {
    this.#timer.cancel();
    const position = this.#saved;
    if (position && position.seq > this.#acked && this.#send(position)) this.#acked = position.seq;
  }
}
