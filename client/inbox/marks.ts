/**
 * The marks that the server does not have yet, in their order. They are kept in the storage until
 * it has them, and known to all tabs, so that any tab can send what another has left behind.
 */
import type { HeraldError } from '../types.ts';
import type { Mark, ReadFrame, ReadState } from './inbox-frames.ts';
import type { InboxHost } from './part.ts';
import { marked } from './read-state.ts';
import { loadMarks, saveMarks } from './stored.ts';

/** In one frame. */
const MAX_SEQS = 100;

/** What the marks need of their inbox. */
export interface MarksHost {
  /** The newest state that the server has told. The server has marks before it tells of them. */
  read: ReadState;
  /** Marks have come or gone. */
  changed(): void;
}

export class Marks {
  readonly #client: InboxHost;
  readonly #inbox: MarksHost;
  #channel: string | undefined;
  #list: Mark[] = [];
  /** The ids of all marks that this tab has ever known. */
  readonly #seen = new Set<string>();
  /** What is being asked, and since which version. */
  #sent: { marks: Mark[]; version: number } | undefined;
  #stored: Promise<void> = Promise.resolve();

  constructor(client: InboxHost, inbox: MarksHost) {
    this.#client = client;
    this.#inbox = inbox;
  }

  /** What the marks make of a state. Those of another numbering make nothing of it. */
  applied(state: ReadState, epoch: string | undefined): ReadState {
    return this.#list
      .filter((mark) => mark.epoch === undefined || mark.epoch === epoch)
      .reduce(marked, state);
  }

  /** Marks made in any tab. Those already known are left out. */
  add(marks: Mark[]): void {
    const fresh = this.#unseen(marks);
    if (fresh.length > 0) this.#change([...this.#list, ...fresh]);
  }

  #unseen(marks: Mark[]): Mark[] {
    const fresh = marks.filter(({ id }) => !this.#seen.has(id));
    for (const { id } of fresh) this.#seen.add(id);
    return fresh;
  }

  /**
   * The storage may know more marks of this channel, which are older than those made here. Those of
   * a channel before are dropped.
   */
  async open(channel: string): Promise<void> {
    if (this.#channel !== undefined) this.#list = [];
    this.#channel = channel;
    const stored = await loadMarks(this.#client, channel);
    if (channel === this.#channel) this.#change([...this.#unseen(stored), ...this.#list]);
  }

  get list(): Mark[] {
    return this.#list;
  }

  /** The server numbers by this epoch: a mark made in another would hit another message. */
  begin(epoch: string): void {
    const sent = this.#sent?.marks[0];
    if (sent && (sent.epoch ?? epoch) !== epoch)
      this.#client.requests.answer({ event: 'taken', ref: sent.id });
    const current = this.#list.filter((mark) => (mark.epoch ?? epoch) === epoch);
    if (this.#list.length > 0) this.#change(current.map((mark) => ({ ...mark, epoch })));
  }

  /** The server has told a state, maybe an old state: does it have what was sent, by now? */
  confirm(read: ReadFrame): void {
    const { marks, version } = this.#sent ?? { marks: [], version: 0 };
    const [first] = marks;
    if (first && read.version > version && hasAll(read, marks))
      this.#client.requests.answer({ event: 'taken', ref: first.id });
  }

  /** Sends the marks that are left, frame after frame: their order counts. */
  async send(): Promise<void> {
    if (this.#sent) return;
    for (let marks = this.#next(); marks.length > 0; marks = this.#next()) {
      this.#sent = { marks, version: this.#inbox.read.version };
      const isDone = await this.#ask(marks);
      this.#sent = undefined;
      if (!isDone) return;
      this.#drop(marks);
    }
  }

  /** The first marks of the list that have the same form, for one frame. */
  #next(): Mark[] {
    const isLeft = (mark: Mark) => !hasAll(this.#inbox.read, [mark]);
    const first = this.#list.find(isLeft);
    const left = first ? this.#list.slice(this.#list.indexOf(first)) : [];
    if (left.length < this.#list.length) this.#change(left);
    if (first?.form === 'through') return [first];
    const end = left.findIndex(({ form }) => form !== first?.form);
    return left.slice(0, end < 0 ? MAX_SEQS : Math.min(end, MAX_SEQS));
  }

  /** Whether the server has them, or refuses them for good. */
  async #ask(marks: Mark[]): Promise<boolean> {
    const [{ id, form, seq }] = marks as [Mark];
    const what = form === 'through' ? seq : marks.map((mark) => mark.seq);
    try {
      await this.#client.requests.ask({ action: 'read', ref: id, [form]: what });
    } catch (error) {
      const { code } = error as HeraldError;
      if (code === 'closed') return false;
      if (code !== 'timeout') this.#client.error(error as HeraldError);
      // It was sent again and again: what changes nothing is not answered.
      else if (this.#client.status.state === 'live')
        this.#inbox.read = marks.reduce(marked, this.#inbox.read);
      else return false;
    }
    return true;
  }

  #drop(marks: Mark[]): void {
    const ids = marks.map(({ id }) => id);
    this.#change(this.#list.filter(({ id }) => !ids.includes(id)));
  }

  #change(list: Mark[]): void {
    this.#list = list;
    this.#inbox.changed();
    this.#stored = this.#stored.then(() => this.#store());
  }

  /** Leaves what other tabs have put there. */
  async #store(): Promise<void> {
    const channel = this.#channel;
    if (channel === undefined) return;
    const others = (await loadMarks(this.#client, channel)).filter(({ id }) => !this.#seen.has(id));
    if (channel === this.#channel) await saveMarks(this.#client, channel, [...others, ...this.#list]);
  }
}

/** The marks change nothing more. */
const hasAll = (read: ReadState, marks: Mark[]): boolean =>
  marks.every((mark) => marked(read, mark) === read);
