/**
 * The ordering core: takes what arrives in any order and any number of times, and yields each message once, in seq order. Pure: it
 * knows no time and no network.
 *
 *   finished ≤ settled ≤ known
 *
 * All through `finished` is done with, all through `settled` needs no waiting for, `known` is the newest seq known to exist. Between
 * finished and settled messages queue for their handler; after settled there is a gap, and what came early waits.
 */
import type { ClientMessage, Ready, ReplayFrame } from '../lambdas/protocol/frames.ts';
import type { Message, Position } from './types.ts';

interface Held {
  message: Message;
  size: number;
  /** Counts the numberings: a message of an earlier one is surfaced still, and moves no position. */
  era: number;
}

/** How a connection begins: the server's head, and its cursor of this device. */
export type Start = Pick<Ready, 'epoch' | 'head' | 'cursor'>;

/** One replay frame: it settles everything after `from` and up to `through`. */
export type Replayed = Pick<ReplayFrame, 'messages' | 'through' | 'more'> & { from: number; size: number };

export class Inbox {
  #epoch: string | undefined;
  #settled = 0;
  #known = 0;
  #era = 0;
  readonly #early = new Map<number, Held>();
  #earlySize = 0;
  readonly #queue: Held[] = [];
  #queueSize = 0;
  readonly #maxSize: number;

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  get settled(): number {
    return this.#settled;
  }

  /** Something is known to exist that is neither here nor settled. */
  get isLacking(): boolean {
    return this.#settled < this.#known;
  }

  /** No room for another replay window: the handlers have to catch up first. */
  get isFull(): boolean {
    return this.#queueSize * 2 > this.#maxSize;
  }

  /** How far all is finished with. Undefined before the first start. */
  get finished(): Position | undefined {
    if (this.#epoch === undefined) return undefined;
    const first = this.#queue.find(({ era }) => era === this.#era);
    return { epoch: this.#epoch, seq: first ? first.message.seq - 1 : this.#settled };
  }

  /**
   * A connection has begun. What is known here counts, then what is `kept` from an earlier run, then the server's cursor.
   * Returns the position that was given up when the numbering is another: another epoch, or a head that went back, which it
   * cannot seem to unless another connection was delivering meanwhile (`overlapping`).
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

  /** A live message. Half of the room is kept for a replay: beyond, it is forgotten and asked for later. */
  add(message: ClientMessage, size: number): void {
    this.#known = Math.max(this.#known, message.seq);
    if (this.#size * 2 >= this.#maxSize) return;
    this.#hold(message, size);
    this.#settle(this.#settled);
  }

  /** Without room nothing of it is taken, and nothing of what follows it settles. */
  addReplay({ from, messages, through, more, size }: Replayed): void {
    this.#known = Math.max(this.#known, more ? through + 1 : through);
    if (this.#size >= this.#maxSize) this.#forgetEarly();
    if (this.#size >= this.#maxSize) return;
    for (const message of messages) this.#hold(message, size / messages.length);
    this.#settle(from <= this.#settled ? through : this.#settled);
  }

  /** The server says how far the channel goes. */
  addHead(head: number): void {
    this.#known = Math.max(this.#known, head);
  }

  /** The next message to surface; it stays the next until it is {@link finish}ed. */
  next(): Message | undefined {
    return this.#queue[0]?.message;
  }

  finish(message: Message): void {
    const [first] = this.#queue;
    if (first?.message !== message) return;
    this.#queue.shift();
    this.#queueSize -= first.size;
  }

  get #size(): number {
    return this.#queueSize + this.#earlySize;
  }

  /** Fields we do not know are left out. */
  #hold({ seq, id, type, data, sentAt }: ClientMessage, size: number): void {
    if (seq <= this.#settled || this.#early.has(seq)) return;
    this.#early.set(seq, { message: { seq, id, type, data, sentAt }, size, era: this.#era });
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
    this.#queue.push(held);
    this.#queueSize += held.size;
    return true;
  }

  /** What of the old numbering is here can be had nowhere else any more: it is surfaced before anything new. */
  #beginAnew(): void {
    for (const seq of this.#earlySeqs()) this.#release(seq);
    this.#era += 1;
  }

  /** For a replay that brings what comes before them, and then them again. */
  #forgetEarly(): void {
    this.#early.clear();
    this.#earlySize = 0;
  }

  #earlySeqs(): number[] {
    return [...this.#early.keys()].sort((one, other) => one - other);
  }
}
