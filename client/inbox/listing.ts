/**
 * The messages of an inbox in one numbering: pages of history, and what has come since. Pure.
 * Nothing is missing between `floor` and the newest message.
 */
import type { Replayed } from '../delivery.ts';
import type { Message } from '../types.ts';
import type { HistoryFrame } from './inbox-frames.ts';
import { MAX_COUNTED } from './read-state.ts';
import type { Shown } from './stored.ts';

/** More unread messages than the server counts. */
const UNCOUNTED = 1e9;

export class Listing {
  /** Every message from this seq on is here. Infinity: no page has come. */
  floor = Number.POSITIVE_INFINITY;
  /** There are messages before `floor`. */
  hasMore = false;
  /** How many unread messages lie before `floor`. */
  older = 0;
  #loaded = new Map<number, Message>();
  /** Since the connection began. */
  readonly #recent = new Map<number, Message>();
  /** Withdrawn messages, and the places of the withdrawals. */
  readonly #gone = new Set<number>();
  /** Nothing up to this seq is on its way. */
  #covered = 0;

  /** A connection has begun. False: the numbering began anew though it has the same name. */
  begin(head: number): boolean {
    if (head < this.#covered) return false;
    this.#covered = head;
    // They are shown until the pages come that are asked for now.
    for (const [seq, message] of this.#recent) this.#loaded.set(seq, message);
    this.#recent.clear();
    return true;
  }

  /** A live message. */
  add(message: Message): void {
    this.#recent.set(message.seq, bare(message));
    this.#advance(this.#covered);
  }

  /** The seqs are withdrawn; `place` is where the log says so. */
  withdraw(seqs: number[], place?: number): void {
    for (const seq of place ? [...seqs, place] : seqs) this.#gone.add(seq);
    this.#advance(this.#covered);
  }

  /**
   * False: it passes over a seq of which nothing is known. Example: a message that this device
   * itself has caused.
   */
  addReplay({ from, through, messages }: Replayed): boolean {
    for (const message of messages) this.#recent.set(message.seq, bare(message));
    this.#advance(this.#covered);
    if (from > this.#covered || through <= this.#covered) return true;
    this.#advance(through);
    return false;
  }

  /** The newest pages take the place of all that was loaded. */
  replace(pages: HistoryFrame[]): void {
    this.#loaded.clear();
    for (const page of pages) this.append(page);
    const { unread = 0 } = pages.at(-1) as HistoryFrame;
    const loaded = pages.flatMap(({ messages }) => messages).filter(({ read }) => !read).length;
    if (this.hasMore) this.older = unread < MAX_COUNTED ? Math.max(0, unread - loaded) : UNCOUNTED;
  }

  /** The page that ends before `floor`. */
  append({ messages, more }: HistoryFrame): void {
    for (const message of messages) this.#loaded.set(message.seq, bare(message));
    this.hasMore = more;
    this.floor = (more && messages.at(-1)?.seq) || 0;
    this.older = more ? this.older - messages.filter(({ read }) => !read).length : 0;
  }

  /** What an earlier run has kept. */
  restore({ messages, floor, older }: Shown): void {
    for (const message of messages) this.#loaded.set(message.seq, message);
    this.floor = floor;
    this.hasMore = floor > 0;
    this.older = older;
    this.#covered = messages[0]?.seq ?? 0;
  }

  /** More unread messages lie before `floor` than the server counts. */
  get isUncounted(): boolean {
    return this.older >= UNCOUNTED / 2;
  }

  /** Newest first. */
  messages(): Message[] {
    return [...new Map([...this.#loaded, ...this.#recent]).values()]
      .filter(({ seq }) => seq >= this.floor && !this.#gone.has(seq))
      .sort((one, other) => other.seq - one.seq);
  }

  #advance(through: number): void {
    this.#covered = through;
    while (this.#recent.has(this.#covered + 1) || this.#gone.has(this.#covered + 1)) this.#covered += 1;
  }
}

/** Only the fields of a message. */
const bare = ({ seq, id, type, data, sentAt }: Message): Message => ({ seq, id, type, data, sentAt });
