/** Takes what the server delivers, straight or through another tab, and asks again for what does not come. */
import type { MessageFrame, PongFrame, ReadyFrame, ReplayFrame } from '../lambdas/protocol/frames.ts';
import type { World } from './environment.ts';
import { Inbox } from './inbox.ts';
import { Timer } from './timer.ts';
import type { Events, Position } from './types.ts';

/** What a connection delivers, as the tabs of a browser tell each other. */
export type Delivery = Started | (MessageFrame & Sized) | Replayed | Pick<PongFrame, 'event' | 'head'>;

interface Sized {
  /** Of the frame's text. */
  size: number;
}

/** `isOverlapping`: another connection was delivering meanwhile. */
export type Started = Pick<ReadyFrame, 'event' | 'channel' | 'epoch' | 'head' | 'cursor'> & {
  isOverlapping: boolean;
};

/** The frame settles what follows `from`, up to its `through`. */
export type Replayed = ReplayFrame & Sized & { from: number };

export interface ReceiverEvents {
  /** Asks for everything after a seq. False: not now; {@link Receiver.update} will be called when it may be. */
  sync(after: number): boolean;
  /** There may be messages to hand out, or the position has moved. */
  progressed(): void;
  expired(event: Events['expired']): void;
  reset(event: Events['reset']): void;
}

export class Receiver {
  readonly #world: World;
  readonly #events: ReceiverEvents;
  #inbox: Inbox;
  #channel: string | undefined;
  readonly #timer: Timer;
  /** The gap being waited for begins after this seq. */
  #gapAfter = 0;
  /** Tries in a row to close the same gap. */
  #tries = 0;
  #triedAfter = -1;
  /** Known for certain to be missing, so there is nothing to wait for. */
  #isCertain = false;
  #isStopped = false;

  constructor(world: World, events: ReceiverEvents) {
    this.#world = world;
    this.#timer = new Timer(world);
    this.#events = events;
    this.#inbox = new Inbox(world.timing.maxBuffered);
  }

  get inbox(): Inbox {
    return this.#inbox;
  }

  get channel(): string | undefined {
    return this.#channel;
  }

  /** Returns whether the numbering began anew. */
  start(start: Started, kept: Position | undefined): boolean {
    // Another user: what was for the one before is not for this one.
    if (this.#channel !== start.channel) this.#inbox = new Inbox(this.#world.timing.maxBuffered);
    this.#channel = start.channel;
    const from = this.#inbox.start(start, kept, start.isOverlapping);
    this.#tries = 0;
    if (from) this.#events.reset({ from, to: { epoch: start.epoch, seq: start.cursor } });
    this.#moved();
    return from !== undefined;
  }

  take(delivery: Delivery): void {
    if (delivery.event === 'ready') this.start(delivery, undefined);
    // A tab that has just come and was not told yet where it begins.
    if (this.#channel === undefined) return;
    if (delivery.event === 'message') this.#inbox.add(delivery, delivery.size);
    if (delivery.event === 'pong') this.#inbox.addHead(delivery.head);
    if (delivery.event === 'replay') this.#replay(delivery);
    this.#moved();
  }

  /** Something changed that may allow, or forbid, to ask for what is missing. */
  update(): void {
    const { isLacking, isFull, settled } = this.#inbox;
    if (isFull) this.#isCertain = true;
    if (!isLacking || isFull || this.#isStopped) {
      this.#timer.cancel();
      return;
    }
    if (settled !== this.#triedAfter) this.#tries = 0;
    if (this.#timer.isSet && this.#gapAfter === settled && !this.#isCertain) return;
    const { gapMs, backoffCapMs } = this.#world.timing;
    const delayMs =
      this.#isCertain && this.#tries === 0 ? 0 : Math.min(backoffCapMs, gapMs * 2 ** this.#tries);
    this.#isCertain = false;
    this.#gapAfter = settled;
    this.#timer.set(delayMs, () => this.#sync(settled));
  }

  /** What comes from now on is neither missed nor asked for. */
  stop(): void {
    this.#isStopped = true;
    this.#timer.cancel();
  }

  #replay(delivery: Replayed): void {
    const before = this.#inbox.settled;
    this.#inbox.addReplay(delivery);
    if (delivery.more) this.#isCertain = true;
    const news = this.#inbox.settled - before;
    const count = Math.min(delivery.expired, news);
    if (count > 0) this.#events.expired({ count, through: delivery.through });
  }

  #sync(after: number): void {
    if (!this.#events.sync(after)) return;
    this.#triedAfter = after;
    this.#tries += 1;
  }

  #moved(): void {
    this.#events.progressed();
    this.update();
  }
}
