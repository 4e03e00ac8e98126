/**
 * One ordered stream of messages and how far this device has come in it. The sequence puts what
 * arrives in order, {@link Gaps} asks for what does not arrive, the settler stores what is
 * finished and says what may be acknowledged.
 */
import type { Ack, Acks } from './acks.ts';
import type { Channels } from './channels.ts';
import type { Delivery, Replayed, Started } from './delivery.ts';
import type { World } from './environment.ts';
import { Gaps } from './gaps.ts';
import { Sequence } from './sequence.ts';
import { Settler } from './settler.ts';
import type { Message, Position } from './types.ts';

/** What a channel needs of its client. */
export interface ChannelHost {
  /** The name of this tab, as the origin of messages. */
  tab(): string;
  /**
   * Asks the server for everything after a seq. False: not now; {@link Channel.update} will be
   * called when it may be.
   */
  sync(channel: string, after: number): boolean;
  readonly acks: Acks;
  readonly channels: Channels;
}

/** Of a sequence that takes no message and lacks none: it is full from the beginning. */
const NO_ROOM = -1;

export class Channel {
  readonly name: string;
  readonly #world: World;
  readonly #host: ChannelHost;
  readonly #settler: Settler;
  /** The position of an earlier run. */
  readonly #kept: Position | undefined;
  #sequence: Sequence;
  #gaps: Gaps;
  /** Somebody in this tab wants the messages; see {@link Channel.listen}. */
  #isHeard: boolean;
  /** The newest message whose ack is not to wait. */
  #urgentSeq = 0;
  /** Of the messages that are finished and not acknowledged, about. */
  #finishedSize = 0;

  constructor(name: string, world: World, host: ChannelHost, kept?: Position) {
    this.name = name;
    this.#world = world;
    this.#host = host;
    this.#kept = kept;
    this.#settler = new Settler({
      save: (position, isAnew) => host.channels.save(name, position, isAnew),
      due: (count) => this.#due(count),
    });
    this.#isHeard = host.channels.isHeard(name);
    this.#sequence = this.#newSequence();
    this.#gaps = this.#newGaps();
  }

  /** How far all messages are finished with. Undefined before the first start. */
  get finished(): Position | undefined {
    return this.#sequence.finished;
  }

  /** How far the device has come: in this tab, in another that said so, or in an earlier run. */
  get position(): Position | undefined {
    return this.#settler.position ?? this.finished ?? this.#kept;
  }

  /** What may be acknowledged. */
  get due(): Ack | undefined {
    const { due } = this.#settler;
    return due && { channel: this.name, ...due };
  }

  /** The newest seq known to exist. */
  get known(): number {
    return this.#sequence.known;
  }

  /** Whether what came of a replay, through this seq, was used, or could not be. */
  hasUsed(through: number): boolean {
    return this.#sequence.isFull || through <= this.#sequence.settled;
  }

  /** Where a sync begins that another tab wants too. A tab without room wants none. */
  syncFrom(after: number): number {
    return this.#sequence.isFull ? after : Math.min(after, this.#sequence.settled);
  }

  /** Resolves when all that is finished is in the storage. */
  get saving(): Promise<void> | undefined {
    return this.#settler.saving;
  }

  /**
   * A connection has begun, of this tab or of the tab that leads. Returns whether the numbering
   * began anew.
   */
  begin(start: Started): boolean {
    // Other tabs may have gone further meanwhile.
    if (!this.#isHeard) this.listen(false);
    const from = this.#sequence.start(start, this.#kept, start.isOverlapping);
    const { finished } = this;
    // A server that lags behind would bring the same messages again with every connection.
    this.#urgentSeq = finished && finished.seq > start.cursor ? finished.seq : 0;
    if (finished) this.#settler.begin(finished, start.cursor, from !== undefined);
    this.#gaps.restart();
    if (from)
      this.#host.channels
        .audience(this.name)
        .emit('reset', { from, to: { epoch: start.epoch, seq: start.cursor } });
    this.#moved();
    return from !== undefined;
  }

  /**
   * Whether somebody in this tab wants the messages from now on. If nobody does, the channel keeps
   * no message and only knows how far the device has come: from there it goes on when somebody
   * does again.
   */
  listen(isHeard: boolean): void {
    const { known } = this;
    const position = this.#settler.position ?? this.finished;
    this.#isHeard = isHeard;
    this.#gaps.stop();
    this.#sequence = this.#newSequence();
    this.#gaps = this.#newGaps();
    if (position)
      this.#sequence.start({ epoch: position.epoch, cursor: position.seq, head: known }, undefined, true);
    this.#moved();
  }

  /** Another tab has finished with all messages through this position. */
  note(position: Position): void {
    if (position.epoch === this.finished?.epoch) this.#settler.note(position);
  }

  take(delivery: Delivery): void {
    if (delivery.event === 'ready') this.begin(delivery);
    if (delivery.event === 'message') this.#sequence.add(delivery, delivery.size);
    if (delivery.event === 'withdrawn') this.#sequence.addEmpty(delivery.seq);
    if (delivery.event === 'pong') this.#sequence.addHead(delivery.head);
    if (delivery.event === 'replay') this.#replay(delivery);
    this.#moved();
  }

  /** The next message to hand out; it stays the next until {@link finish} is called with it. */
  next(): Message | undefined {
    return this.#sequence.next();
  }

  finish(message: Message): void {
    const { size = 0, isUrgent = false } = this.#sequence.finish(message) ?? {};
    this.#finishedSize += size;
    if (isUrgent) this.#urgentSeq = message.seq;
    this.#keep();
    this.update();
  }

  /** A sync that was not possible may be now. */
  update(): void {
    this.#gaps.update();
  }

  /** The server knows, as far as we can tell, of everything through this seq. */
  acknowledged(seq: number): void {
    this.#settler.ackedSeq = seq;
    this.#finishedSize = 0;
  }

  /** From now on nothing that is missing is asked for. */
  stop(): void {
    this.#gaps.stop();
  }

  /** So many messages may be acknowledged. */
  #due(count: number): void {
    const { ackBatch, ackBytes } = this.#world.timing;
    const isUrgent = this.#urgentSeq > this.#settler.ackedSeq;
    if (count > 0) this.#host.acks.due(isUrgent || count >= ackBatch || this.#finishedSize >= ackBytes);
  }

  #newSequence(): Sequence {
    return new Sequence(this.#isHeard ? this.#world.timing.maxBuffered : NO_ROOM, () => this.#host.tab());
  }

  #newGaps(): Gaps {
    return new Gaps(this.#world, this.#sequence, (after) => this.#host.sync(this.name, after));
  }

  #replay(delivery: Replayed): void {
    const before = this.#sequence.settled;
    this.#sequence.addReplay(delivery);
    if (delivery.more) this.#gaps.expectMore();
    const count = Math.min(delivery.expired, this.#sequence.settled - before);
    if (count > 0)
      this.#host.channels.audience(this.name).emit('expired', { count, through: delivery.through });
  }

  #moved(): void {
    this.#host.channels.audience(this.name).dispatcher.wake();
    this.#keep();
    this.update();
  }

  #keep(): void {
    if (this.finished) this.#settler.note(this.finished);
  }
}
