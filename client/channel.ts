/**
 * One ordered stream of messages and how far this device has come in it. The inbox puts what
 * arrives in order, {@link Gaps} asks for what does not arrive, the settler stores and acknowledges
 * what is finished.
 */
import type { Delivery, Replayed, Started } from './delivery.ts';
import type { World } from './environment.ts';
import { Gaps } from './gaps.ts';
import { Inbox } from './inbox.ts';
import { Settler } from './settler.ts';
import type { Events, Message, Position } from './types.ts';

/** What a channel needs of its client. */
export interface ChannelHost {
  /** The name of this tab, as the origin of messages. */
  tab(): string;
  /**
   * Asks the server for everything after a seq. False: not now; {@link Channel.update} will be
   * called when it may be.
   */
  sync(channel: string, after: number): boolean;
  /** Acknowledges at the server, or to the tab that leads. False: not now. */
  ack(channel: string, position: Position): boolean;
  /** Puts the position into the storage. `isAnew`: whatever is there is of another numbering. */
  save(channel: string, position: Position, isAnew: boolean): Promise<void>;
  /** There may be a message to hand out. */
  progressed(): void;
  expired(event: Events['expired']): void;
  reset(event: Events['reset']): void;
}

export class Channel {
  readonly name: string;
  readonly #host: ChannelHost;
  readonly #inbox: Inbox;
  readonly #gaps: Gaps;
  readonly #settler: Settler;

  constructor(name: string, world: World, host: ChannelHost) {
    this.name = name;
    this.#host = host;
    this.#inbox = new Inbox(world.timing.maxBuffered, host.tab);
    this.#gaps = new Gaps(world, this.#inbox, (after) => host.sync(name, after));
    this.#settler = new Settler(world, {
      save: (position, isAnew) => host.save(name, position, isAnew),
      ack: (position) => host.ack(name, position),
    });
  }

  /** How far all messages are finished with. Undefined before the first start. */
  get finished(): Position | undefined {
    return this.#inbox.finished;
  }

  /** How far the device has come: in this tab, or in another one that said so. */
  get position(): Position | undefined {
    return this.#settler.position ?? this.finished;
  }

  /** Where the next sync would begin. */
  get settled(): number {
    return this.#inbox.settled;
  }

  /** Where a sync begins that another tab wants too. A tab without room wants none. */
  syncFrom(after: number): number {
    return this.#inbox.isFull ? after : Math.min(after, this.settled);
  }

  /** Resolves when all that is finished is in the storage. */
  get saving(): Promise<void> | undefined {
    return this.#settler.saving;
  }

  /**
   * A connection has begun, of this tab or of the tab that leads. `kept`: the position of an
   * earlier run. Returns whether the numbering began anew.
   */
  begin(start: Started, kept?: Position): boolean {
    const from = this.#inbox.start(start, kept, start.isOverlapping);
    const { finished } = this;
    if (finished) this.#settler.begin(finished, start.cursor, from !== undefined);
    this.#gaps.restart();
    if (from) this.#host.reset({ from, to: { epoch: start.epoch, seq: start.cursor } });
    this.#moved();
    return from !== undefined;
  }

  /** Another tab has finished with all messages through this position. */
  note(position: Position): void {
    if (position.epoch === this.finished?.epoch) this.#settler.note(position);
  }

  take(delivery: Delivery): void {
    if (delivery.event === 'ready') this.begin(delivery);
    if (delivery.event === 'message') this.#inbox.add(delivery, delivery.size);
    if (delivery.event === 'pong') this.#inbox.addHead(delivery.head);
    if (delivery.event === 'replay') this.#replay(delivery);
    this.#moved();
  }

  /** The next message to hand out; it stays the next until {@link finish} is called with it. */
  next(): Message | undefined {
    return this.#inbox.next();
  }

  finish(message: Message): void {
    this.#inbox.finish(message);
    this.#keep();
    this.update();
  }

  /** A sync that was not possible may be now. */
  update(): void {
    this.#gaps.update();
  }

  /** Acknowledges now what is in the storage. */
  ack(): void {
    this.#settler.ack();
  }

  /** From now on nothing that is missing is asked for. */
  stop(): void {
    this.#gaps.stop();
  }

  #replay(delivery: Replayed): void {
    const before = this.#inbox.settled;
    this.#inbox.addReplay(delivery);
    if (delivery.more) this.#gaps.expectMore();
    const count = Math.min(delivery.expired, this.#inbox.settled - before);
    if (count > 0) this.#host.expired({ count, through: delivery.through });
  }

  #moved(): void {
    this.#host.progressed();
    this.#keep();
    this.update();
  }

  #keep(): void {
    if (this.finished) this.#settler.note(this.finished);
  }
}
