/** Acknowledges finished messages: the acks that are due in several channels go in one frame. */
import type { Channel } from './channel.ts';
import type { World } from './environment.ts';
import { Timer } from './timing.ts';
import type { Position } from './types.ts';

/** All through this position of the channel is finished. */
export interface Ack extends Position {
  channel: string;
}

/** So that the frame fits, however long the names of the channels are. */
const MAX_IN_FRAME = 100;

export class Acks {
  readonly #world: World;
  readonly #channels: ReadonlyMap<string, Channel>;
  /** Sends acks and returns the acks that were sent. */
  readonly #send: (acks: Ack[]) => Ack[];
  readonly #timer: Timer;

  constructor(world: World, channels: ReadonlyMap<string, Channel>, send: (acks: Ack[]) => Ack[]) {
    this.#world = world;
    this.#channels = channels;
    this.#send = send;
    this.#timer = new Timer(world);
  }

  /** So many messages of a channel are finished and not acknowledged. */
  due(count: number): void {
    const { ackBatch, ackDelayMs } = this.#world.timing;
    if (count >= ackBatch) this.flush();
    else if (count > 0 && !this.#timer.isSet) this.#timer.set(ackDelayMs, () => this.flush());
  }

  /** Acknowledges now what is in the storage. */
  flush(): void {
    this.#timer.cancel();
    const due = [...this.#channels.values()].flatMap(({ due }) => due ?? []).slice(0, MAX_IN_FRAME);
    const sent = this.#send(due);
    for (const { channel, seq } of sent) this.#channels.get(channel)?.acknowledged(seq);
    if (sent.length === MAX_IN_FRAME) this.due(1);
  }
}
