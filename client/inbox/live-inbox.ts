/**
 * The inbox of one tab: what the server has told, and on top of it the marks that it does not have
 * yet. What may be missing is not guessed: the history is asked for anew.
 */
import type { Started } from '../delivery.ts';
import { isCount } from '../frame.ts';
import type { InboxItem } from '../inbox-types.ts';
import { checkListener } from '../option-checks.ts';
import type { FromServer } from '../tabs.ts';
import type { HeraldError } from '../types.ts';
import type { HistoryFrame, Mark, ReadFrame, ReadState } from './inbox-frames.ts';
import { Listing } from './listing.ts';
import { Marks, type MarksHost } from './marks.ts';
import type { InboxHost, InboxPart } from './part.ts';
import { isRead, isReadState, MAX_COUNTED, marked, NOTHING_READ } from './read-state.ts';
import { loadShown, saveShown } from './stored.ts';

/** Messages that are loaded at first, and by each `loadMore()`. */
const PAGE = 20;

/** A page holds no more. */
const MAX_PAGE = 100;

export class LiveInbox implements InboxPart, MarksHost {
  items: readonly InboxItem[] = [];
  unread = 0;
  hasMore = false;
  read = NOTHING_READ;
  readonly #client: InboxHost;
  readonly #marks: Marks;
  readonly #listeners = new Set<() => void>();
  #channel: string | undefined;
  #epoch: string | undefined;
  #listing = new Listing();
  /** There has been a connection. */
  #hasBegun = false;
  /** What is loaded may not be what the server has. */
  #isStale = false;
  #refreshing: Promise<void> | undefined;
  #loading: Promise<void> | undefined;
  #isSaving = false;
  #isUnsaved = false;

  constructor(client: InboxHost) {
    this.#client = client;
    this.#marks = new Marks(client, this);
  }

  on(_name: 'change', listener: () => void): () => void {
    checkListener(listener);
    const own = () => listener();
    this.#listeners.add(own);
    const stop = this.#client.on('message', () => {});
    return () => {
      this.#listeners.delete(own);
      stop();
    };
  }

  markRead(seq: number): void {
    this.#mark('seqs', seq);
  }

  markUnread(seq: number): void {
    this.#mark('unread', seq);
  }

  markAllRead(): void {
    const [newest] = this.items;
    if (newest) this.#mark('through', newest.seq);
  }

  loadMore(): Promise<void> {
    this.#loading ??= this.#loadMore().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  open(channel: string): void {
    if (channel === this.#channel) return;
    this.#channel = channel;
    this.#hasBegun = false;
    this.#forget();
    void this.#marks.open(channel);
    void this.#restore(channel);
  }

  take(message: FromServer): void {
    switch (message.event) {
      case 'ready':
        this.#begin(message);
        break;
      case 'message':
        this.#listing.add(message);
        break;
      case 'replay':
        this.#withdraw(message.withdrawn ?? []);
        if (!this.#listing.addReplay(message)) this.#refresh();
        break;
      case 'withdrawn':
        this.#withdraw(message.seqs, message.seq);
        break;
      case 'read':
        this.#learn(message);
    }
    this.changed();
  }

  adopt(marks: Mark[]): void {
    this.#marks.add(marks);
    this.#sendLater();
  }

  greet(): void {
    if (this.#marks.list.length > 0) this.#client.shareMarks(this.#marks.list);
  }

  changed(): void {
    const read = this.#marks.applied(this.read, this.#epoch);
    const shown = new Map(this.items.map((item) => [item.seq, item]));
    const items = this.#listing.messages().map((message) => {
      const item = shown.get(message.seq);
      const isSame = item?.id === message.id && item.read === isRead(read, message.seq);
      return isSame ? item : { ...message, read: isRead(read, message.seq) };
    });
    const unread = this.#count(read);
    const { hasMore } = this.#listing;
    const isSame = items.length === shown.size && items.every((item) => item === shown.get(item.seq));
    if (isSame && unread === this.unread && hasMore === this.hasMore) return;
    if (!isSame) this.items = items;
    Object.assign(this, { unread, hasMore });
    this.#tell();
    void this.#save();
  }

  /** A listener that fails harms neither the others nor us. */
  #tell(): void {
    for (const listener of this.#listeners) Promise.resolve().then(listener).catch(this.#client.world.report);
  }

  /** The unread messages, if this is what the user has read. */
  #count(read: ReadState): number {
    const { floor, older } = this.#listing;
    const loaded = this.#listing.messages().filter(({ seq }) => !isRead(read, seq)).length;
    return Math.min(MAX_COUNTED, loaded + (read.through < floor - 1 ? older : 0));
  }

  #mark(form: Mark['form'], seq: number): void {
    if (!isCount(seq)) throw new TypeError(`seq: expected a whole number, got ${seq}`);
    const mark = { id: this.#client.newRef(), epoch: this.#epoch, form, seq };
    const read = this.#marks.applied(this.read, this.#epoch);
    if (marked(read, mark) === read) return;
    this.#client.shareMarks([mark]);
    this.#marks.add([mark]);
    if (this.#hasBegun) void this.#marks.send();
  }

  /** In case that the tab which made the marks is gone. */
  #sendLater(): void {
    const { after, timing } = this.#client.world;
    after(timing.probeTimeoutMs, () => {
      if (this.#hasBegun) void this.#marks.send();
    });
  }

  /** This tab or the leading tab has a connection. */
  #begin({ channel, epoch, head, isOverlapping, read }: Started): void {
    if (epoch === this.#epoch && isOverlapping && this.#hasBegun) return;
    if (epoch !== this.#epoch || !this.#listing.begin(head)) {
      this.#forget(epoch);
      this.#listing.begin(head);
    }
    this.#hasBegun = true;
    this.#marks.begin(epoch);
    // A mark that the server has is not sent again: the second could overtake a later mark.
    if (read) this.#learn({ event: 'read', channel, epoch, ...read });
    // What was asked before and is not answered goes first.
    void Promise.resolve().then(() => this.#refresh());
    if (this.#client.isLeading) void Promise.resolve().then(() => this.#marks.send());
    else this.#sendLater();
  }

  #forget(epoch?: string): void {
    this.#epoch = epoch;
    this.#listing = new Listing();
    this.read = NOTHING_READ;
    this.changed();
  }

  #withdraw(seqs: number[], place?: number): void {
    this.#listing.withdraw(seqs, place);
    // Nothing tells whether the server had counted a message that is not loaded.
    if (seqs.some((seq) => seq < this.#listing.floor && !isRead(this.read, seq))) this.#refresh();
  }

  /** An older version never covers a newer one. */
  #learn(frame: ReadFrame): void {
    const { epoch, version, through, seqs, unread } = frame;
    if (epoch !== this.#epoch || !isReadState(frame)) return;
    this.#marks.confirm(frame);
    if (version <= this.read.version) return;
    this.read = { version, through, seqs };
    void this.#save();
    // What is not loaded has changed, or a message is on its way.
    if (unread !== undefined && unread !== this.#count(this.read)) this.#refresh();
  }

  #refresh(): void {
    this.#isStale = true;
    if (this.#hasBegun) this.#refreshing ??= this.#reload();
  }

  async #reload(): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false;
      try {
        await this.#loadNewest();
      } catch (error) {
        const { code } = error as HeraldError;
        // The next connection asks again.
        if (code !== 'timeout' && code !== 'closed') this.#client.error(error as HeraldError);
      }
      this.changed();
    }
    this.#refreshing = undefined;
  }

  /** As many as are shown, or the first page. */
  async #loadNewest(): Promise<void> {
    const pages: HistoryFrame[] = [];
    let wanted = Math.max(PAGE, this.items.length);
    let before: number | undefined;
    do {
      const page = await this.#page(Math.min(MAX_PAGE, wanted), before);
      if (!page) return;
      pages.push(page);
      wanted -= page.messages.length;
      before = page.more ? page.messages.at(-1)?.seq : undefined;
    } while (before && wanted > 0);
    this.#listing.replace(pages);
  }

  async #loadMore(): Promise<void> {
    await this.#refreshing;
    const { floor, hasMore, isUncounted } = this.#listing;
    if (!hasMore) return;
    const page = await this.#page(PAGE, floor);
    // Something else was loaded meanwhile.
    if (!page || this.#refreshing || this.#listing.floor !== floor) return this.#loadMore();
    this.#listing.append(page);
    if (isUncounted && (page.unread ?? 0) < MAX_COUNTED) this.#refresh();
    this.changed();
  }

  /** Undefined: it is of another numbering or user. */
  async #page(limit: number, before?: number): Promise<HistoryFrame | undefined> {
    const listing = this.#listing;
    const ref = this.#client.newRef();
    const frame = await this.#client.requests.ask({ action: 'history', ref, limit, before });
    const { epoch } = frame as HistoryFrame;
    return listing === this.#listing && epoch === this.#epoch ? (frame as HistoryFrame) : undefined;
  }

  async #restore(channel: string): Promise<void> {
    const shown = await loadShown(this.#client, channel);
    if (!shown || channel !== this.#channel || this.#epoch !== undefined) return;
    this.#epoch = shown.epoch;
    this.read = shown.read;
    this.#listing.restore(shown);
    this.changed();
  }

  /** Changes that come while a slow storage writes are written together. */
  async #save(): Promise<void> {
    this.#isUnsaved = true;
    if (this.#isSaving) return;
    this.#isSaving = true;
    while (this.#isUnsaved && this.#client.isLeading && this.#epoch !== undefined && this.#channel) {
      this.#isUnsaved = false;
      await saveShown(this.#client, this.#channel, this.#epoch, this.read, this.#listing);
    }
    this.#isSaving = false;
  }
}
