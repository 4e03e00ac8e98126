/**
 * Acknowledges finished messages. An ack of its own is as dear as the delivery, so acks wait for
 * the next ping, unless many have gathered or somebody waits for one. Those of several channels go
 * together.
 */
import type { Channel } from './channel.ts';
import type { World } from './environment.ts';
import { Timer } from './timing.ts';
import type { Position } from './types.ts';

/** All through this position of the channel is finished. */
export interface Ack extends Position {
  channel: string;
}

/** What acks need of their client. */
export interface AcksHost {
  readonly isLeading: boolean;
  /**
   * Sends acks to the server; or to the leading tab, which keeps those that are not urgent for its
   * next ping. Returns the acks that were sent.
   */
  acknowledge(acks: Ack[], isUrgent: boolean): Ack[];
}

/** So that the frame fits, however long the names of the channels are. */
const MAX_IN_FRAME = 100;

export class Acks {
  readonly #world: World;
  readonly #channels: ReadonlyMap<string, Channel>;
  readonly #host: AcksHost;
  /** In a tab that does not lead: telling the leading tab costs nothing. */
  readonly #timer: Timer;
  /** Acks were to leave at once, and could not. */
  #isOverdue = false;

  constructor(world: World, channels: ReadonlyMap<string, Channel>, host: AcksHost) {
    this.#world = world;
    this.#channels = channels;
    this.#host = host;
    this.#timer = new Timer(world);
  }

  /** A channel has finished messages. `isUrgent`: their ack is not to wait. */
  due(isUrgent: boolean): void {
    if (isUrgent) this.flush();
    else if (!this.#host.isLeading && !this.#timer.isSet)
      this.#timer.set(this.#world.timing.ackDelayMs, () => this.flush(false));
  }

  /** Acknowledges now what is in the storage. */
  flush(isUrgent = true): void {
    this.#timer.cancel();
    const due = this.#list();
    const sent = this.#host.acknowledge(due, isUrgent);
    this.#isOverdue = sent.length < due.length;
    this.#sent(sent);
    if (sent.length === MAX_IN_FRAME) this.flush(isUrgent);
  }

  /** What could not leave may be able to now. */
  retry(): void {
    if (this.#isOverdue) this.flush();
  }

  /** Acks that leave with a ping, of those that `mayLeave`. Undefined: none. */
  ride(mayLeave: (ack: Ack) => boolean): Ack[] | undefined {
    const acks = this.#list().filter(mayLeave);
    this.#sent(acks);
    return acks.length > 0 ? acks : undefined;
  }

  #list(): Ack[] {
    return [...this.#channels.values()].flatMap(({ due }) => due ?? []).slice(0, MAX_IN_FRAME);
  }

  #sent(acks: Ack[]): void {
    for (const { channel, seq } of acks) this.#channels.get(channel)?.acknowledged(seq);
  }
}
