/**
 * The ordering core: takes messages in any order and any number of times, and yields each once, in
 * seq order. Pure: it knows no time and no network.
 *
 *   finished ≤ settled ≤ known
 *
 * - `finished`: the handlers are done with every message up to this seq.
 * - `settled`: nothing up to this seq is missing. What lies between `finished` and `settled`
 *   queues.
 * - `known`: the newest seq known to exist. Between `settled` and `known` there is at least one
 *   gap; messages that arrived early wait behind it.
 */
import type { ClientMessage, ReadyFrame, ReplayFrame } from '../lambdas/protocol/frames.ts';
import type { Message, Position } from './types.ts';

interface Held {
  message: Message;
  size: number;
  /** This tab caused it, so it is settled without being handed out. */
  isOwn: boolean;
  /** Its ack is not to wait. */
  isUrgent: boolean;
  /**
   * Increases when the numbering begins anew. Messages of an older era are still handed to the app
   * but no longer move the position.
   */
  era: number;
}

/**
 * How a connection begins: the channel's head, and how far the server says this device has come.
 */
export type Start = Pick<ReadyFrame, 'epoch' | 'head' | 'cursor'>;

/**
 * One replay frame. `from` is an exclusive bound, `through` an inclusive one: every seq between is
 * accounted for.
 */
export type Replayed = Pick<ReplayFrame, 'through' | 'more'> & {
  messages: Originated[];
  from: number;
  size: number;
};

/** `origin`: the tab of this device that caused it. */
export type Originated = ClientMessage & { origin?: string };

export class Sequence {
  #epoch: string | undefined;
  #settled = 0;
  #known = 0;
  #era = 0;
  readonly #early = new Map<number, Held>();
  #earlySize = 0;
  readonly #queue: Held[] = [];
  #queueSize = 0;
  readonly #maxSize: number;
  readonly #tab: () => string;

  /** `tab`: the name of this tab, as the origin of messages. */
  constructor(maxSize: number, tab: () => string) {
    this.#maxSize = maxSize;
    this.#tab = tab;
  }

  get settled(): number {
    return this.#settled;
  }

  get known(): number {
    return this.#known;
  }

  /** A seq is known to exist that has neither arrived nor been settled. */
  get isLacking(): boolean {
    return this.#settled < this.#known;
  }

  /** There is no room for another replay window: the handlers have to catch up first. */
  get isFull(): boolean {
    return this.#queueSize * 2 > this.#maxSize;
  }

  /** How far all messages are finished with. Undefined before the first start. */
  get finished(): Position | undefined {
    if (this.#epoch === undefined) return undefined;
    const first = this.#queue.find(({ era }) => era === this.#era);
    return { epoch: this.#epoch, seq: first ? first.message.seq - 1 : this.#settled };
  }

  /**
   * A connection has begun. Where the sequence stands, in order of precedence: where it stood,
   * the position `kept` by an earlier run, the server's cursor. Returns the position that was given
   * up when the numbering began anew. Two signs tell:
   * - the epoch changed;
   * - the head lies before our position. (Not if `overlapping`: another connection was delivering
   *   while this one opened, so we may be ahead of the head that this one was told.)
   */
  start(
    { epoch, cursor, head }: Start,
    kept: Position | undefined,
    overlapping: boolean,
  ): Position | undefined {
    const before = this.#epoch === undefined ? kept : { epoch: this.#epoch, seq: this.#settled };
    const continues = before?.epoch === epoch && (overlapping || before.seq <= head);
    if (before !== undefined && !continues) this.#beginAnew();
    this.#epoch = epoch;
    this.#settled = continues ? before.seq : cursor;
    this.#known = Math.max(head, this.#settled, overlapping ? this.#known : 0, ...this.#early.keys());
    return continues ? undefined : before;
  }

  /**
   * A live message. Half of the room is kept for replays: beyond it the message is dropped and
   * asked for later.
   */
  add(message: Originated, size: number): void {
    this.addHead(message.seq);
    if (this.#size * 2 >= this.#maxSize) return;
    this.#hold(message, size);
    this.#settle(this.#settled);
  }

  /** A place in the log that holds no message for anybody: a withdrawal's. */
  addEmpty(seq: number): void {
    this.add({ seq, id: '', type: '', data: null, sentAt: 0, origin: this.#tab() }, 0);
  }

  /** Without room the whole frame is dropped: nothing of it settles. */
  addReplay({ from, messages, through, more, size }: Replayed): void {
    this.addHead(more ? through + 1 : through);
    if (this.#size >= this.#maxSize) this.#forgetEarly();
    if (this.#size >= this.#maxSize) return;
    for (const message of messages) this.#hold(message, size / messages.length);
    this.#settle(from <= this.#settled ? through : this.#settled);
  }

  /** The server says how far the channel reaches. */
  addHead(head: number): void {
    this.#known = Math.max(this.#known, head);
  }

  /** The next message to hand out; it stays the next until it is {@link finish}ed. */
  next(): Message | undefined {
    return this.#queue[0]?.message;
  }

  /** Undefined: it was not the next. */
  finish(message: Message): Pick<Held, 'size' | 'isUrgent'> | undefined {
    const [first] = this.#queue;
    if (first?.message !== message) return undefined;
    this.#queue.shift();
    this.#queueSize -= first.size;
    return first;
  }

  get #size(): number {
    return this.#queueSize + this.#earlySize;
  }

  /** Keeps the fields that we know. */
  #hold({ seq, id, type, data, sentAt, origin, ack }: Originated, size: number): void {
    if (seq <= this.#settled || this.#early.has(seq)) return;
    const isOwn = origin !== undefined && origin === this.#tab();
    const message = { seq, id, type, data, sentAt };
    this.#early.set(seq, { message, isOwn, isUrgent: ack === 'now', size, era: this.#era });
    this.#earlySize += size;
  }

  #settle(through: number): void {
    if (through > this.#settled) {
      for (const seq of this.#earlySeqs()) if (seq <= through) this.#release(seq);
      this.#settled = through;
    }
    while (this.#release(this.#settled + 1)) this.#settled += 1;
  }

  #release(seq: number): boolean {
    const held = this.#early.get(seq);
    if (held === undefined) return false;
    this.#early.delete(seq);
    this.#earlySize -= held.size;
    if (held.isOwn) return true;
    this.#queue.push(held);
    this.#queueSize += held.size;
    return true;
  }

  /**
   * Messages of the old numbering can be had nowhere else any more: hands them out before anything
   * new, gaps or not.
   */
  #beginAnew(): void {
    for (const seq of this.#earlySeqs()) this.#release(seq);
    this.#era += 1;
  }

  /**
   * Makes room for a replay: it brings the messages before the early ones, and then those again.
   */
  #forgetEarly(): void {
    this.#early.clear();
    this.#earlySize = 0;
  }

  #earlySeqs(): number[] {
    return [...this.#early.keys()].sort((one, other) => one - other);
  }
}
