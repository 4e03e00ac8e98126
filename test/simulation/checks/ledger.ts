/** What the log truly holds: every message ever committed, by channel, and what must hold of their numbering and their keeping. */
import type { Change } from '../dynamodb/database.ts';
import type { Row } from '../dynamodb/expressions.ts';
import type { Violated } from './judge.ts';

/** The Lambdas' clocks are wrong by at most 5 s, and rows lapse on whole seconds. */
export const CLOCK_TOLERANCE_MS = 7000;
export const KEY_KEPT_MS = 24 * 3_600_000;

export interface Entry {
  seq: number;
  id: string;
  /** Which publish of the plan it is. */
  publish: number;
  /** Undefined: nobody in particular caused it. */
  origin: Origin | undefined;
  collapseKey: string | undefined;
  /** When its publisher sent the first request. */
  begunAt: number;
  sentAt: number;
  expiresAt: number;
  /** Since when its content is gone. Undefined: it was not withdrawn. */
  withdrawnAt: number | undefined;
  /** The seqs that it withdraws. Undefined: it is a message. */
  withdraws: readonly number[] | undefined;
  /** It came back with a backup: its key stands for nothing in the new epoch. */
  restored: boolean;
}

/** Who caused a message. In users' own channels the user is theirs, and `userId` undefined. */
export interface Origin {
  userId?: string | undefined;
  /** Undefined: all devices of the user. */
  deviceId?: string | undefined;
  /** One tab of the device: then the device is told like any other. */
  tab?: string | undefined;
}

export interface Hearer {
  userId: string;
  deviceId: string | undefined;
}

export const isOriginOf = (origin: Origin | undefined, { userId, deviceId }: Hearer): boolean =>
  origin !== undefined &&
  (origin.userId !== undefined || origin.deviceId !== undefined) &&
  (origin.userId === undefined || origin.userId === userId) &&
  (origin.deviceId === undefined || origin.deviceId === deviceId);

export interface Channel {
  epoch: string | undefined;
  head: number;
  entries: Map<number, Entry>;
}

/** What the publishers meant, not what the rows say. */
export interface Intentions {
  /** In seconds. */
  retentionOf(publish: number): number;
  begunAt(publish: number): number;
  originIn(publish: number, channel: string): Origin | undefined;
  /** Its publisher may not. */
  isForbidden(publish: number): boolean;
}

export class Ledger {
  readonly channels = new Map<string, Channel>();
  readonly #violated: Violated;
  readonly #intentions: Intentions;
  readonly #now: () => number;

  constructor(violated: Violated, intentions: Intentions, now: () => number) {
    this.#violated = violated;
    this.#intentions = intentions;
    this.#now = now;
  }

  channel(name: string): Channel {
    const channel = this.channels.get(name) ?? { epoch: undefined, head: 0, entries: new Map() };
    this.channels.set(name, channel);
    return channel;
  }

  entry(channel: string, seq: number): Entry | undefined {
    return this.channels.get(channel)?.entries.get(seq);
  }

  changed({ before, after, cause }: Change): void {
    if (cause === 'restore') return;
    const row = after ?? before;
    const name = String(row?.channel);
    if (row?.seq === 0) this.#headChanged(name, before, after);
    else if (after) this.#messageAdded(name, before, after);
    else if (before) this.#messageRemoved(name, before, cause);
  }

  /** The operator has put the table back and given every channel a new epoch. */
  restored(rows: Row[]): void {
    this.channels.clear();
    for (const row of rows) {
      const channel = this.channel(String(row.channel));
      if (row.seq === 0) {
        channel.head = Number(row.head);
        channel.epoch = String(row.epoch);
      } else {
        const entry = this.#entryOf(String(row.channel), row);
        channel.entries.set(entry.seq, { ...entry, restored: true });
      }
    }
    for (const { head, entries } of this.channels.values()) {
      for (let seq = 1; seq <= head; seq++) if (!entries.has(seq)) entries.set(seq, lost(seq));
    }
  }

  /** A message that shows is committed, even where the head does not show it yet. */
  committedHead(name: string): number {
    const { head, entries } = this.channel(name);
    return entries.has(head + 1) ? Math.max(...entries.keys()) : head;
  }

  isSettledFor(channel: string, seq: number, hearer: Hearer): boolean {
    const entry = this.entry(channel, seq);
    if (!entry) return false;
    if (this.isOwn(entry, hearer) || this.hasExpired(entry) || this.isCollapsed(channel, entry)) return true;
    return entry.withdrawnAt !== undefined;
  }

  /** The hearer as a whole caused it, and is not told. */
  isOwn = ({ origin }: Entry, hearer: Hearer): boolean =>
    origin?.tab === undefined && isOriginOf(origin, hearer);

  /** A newer message with its key stands for it, or did until it was withdrawn. */
  isCollapsed = (channel: string, entry: Entry): boolean => this.#newerWithKey(channel, entry).length > 0;

  /** The same for what is kept for certain. */
  isCollapsedStill = (channel: string, entry: Entry): boolean =>
    entry.withdrawnAt === undefined &&
    this.#newerWithKey(channel, entry).some(({ withdrawnAt }) => withdrawnAt === undefined);

  #newerWithKey(channel: string, { collapseKey, seq }: Entry): Entry[] {
    if (collapseKey === undefined) return [];
    const entries = [...this.channel(channel).entries.values()];
    return entries.filter((other) => other.seq > seq && other.collapseKey === collapseKey);
  }

  hasExpired = ({ expiresAt }: Entry): boolean => expiresAt <= this.#now() + CLOCK_TOLERANCE_MS;

  /** The message an idempotency key stands for, if the key may be remembered. */
  keyHolder(channel: string, id: string): { entry: Entry; certainly: boolean } | undefined {
    let holder: Entry | undefined;
    for (const entry of this.channels.get(channel)?.entries.values() ?? []) {
      if (entry.id === id && !entry.restored && (!holder || entry.seq > holder.seq)) holder = entry;
    }
    if (!holder) return undefined;
    const age = this.#now() - holder.sentAt;
    if (age > KEY_KEPT_MS + CLOCK_TOLERANCE_MS) return undefined;
    return { entry: holder, certainly: age < KEY_KEPT_MS - 60_000 };
  }

  holders(channel: string, publish: number): Entry[] {
    return [...(this.channels.get(channel)?.entries.values() ?? [])].filter(
      (entry) => entry.publish === publish,
    );
  }

  /** When no append is under way: every seq up to the head was given exactly once. */
  checkDense(): void {
    for (const [name, { head, entries }] of this.channels) {
      for (let seq = 1; seq <= head; seq++) {
        if (!entries.has(seq))
          this.#violated('seqs are dense', `${name}: the head is ${head}, no message ever had seq ${seq}`);
      }
      if (entries.size > head)
        this.#violated('seqs are dense', `${name}: ${entries.size} messages, the head is ${head}`);
    }
  }

  #headChanged(name: string, before: Row | undefined, after: Row | undefined): void {
    const channel = this.channel(name);
    if (!after) {
      this.#violated('the head never goes', `${name}: its head row was deleted`);
      return;
    }
    const seq = Number(after.head);
    if (channel.epoch !== undefined && channel.epoch !== after.epoch) {
      this.#violated('an epoch never changes', `${name}: from ${channel.epoch} to ${after.epoch}`);
    }
    if (before && seq !== channel.head + 1) {
      this.#violated('seqs are dense', `${name}: the head moved from ${channel.head} to ${seq}`);
    }
    channel.epoch = String(after.epoch);
    channel.head = seq;
  }

  #messageAdded(name: string, before: Row | undefined, after: Row): void {
    if (before && after.withdrawnBy !== undefined) {
      this.#contentTaken(name, before, after);
      return;
    }
    const { entries } = this.channel(name);
    const entry = this.#entryOf(name, after);
    this.#checkKept(name, entry);
    if (this.#intentions.isForbidden(entry.publish)) {
      this.#violated('nobody publishes what the token does not allow', `${name}: publish ${entry.publish}`);
    }
    const earlier = entries.get(entry.seq);
    if (before || earlier) {
      this.#violated(
        'a seq is never reused',
        `${name}: seq ${entry.seq} was ${earlier?.id}, now it is ${entry.id}`,
      );
    }
    for (const other of entries.values()) {
      if (
        other.publish === entry.publish &&
        !other.restored &&
        entry.sentAt - other.sentAt < KEY_KEPT_MS - 60_000
      ) {
        const both = `${other.seq} and ${entry.seq}`;
        this.#violated('one publish, one message', `${name}: publish ${entry.publish} became seqs ${both}`);
      }
    }
    const holder = this.keyHolder(name, entry.id);
    if (holder?.certainly) {
      const both = `${holder.entry.seq} and ${entry.seq}`;
      this.#violated('one key, one message', `${name}: key ${entry.id} became seqs ${both}`);
    }
    entries.set(entry.seq, entry);
  }

  /** The withdrawal itself may show before this or after it. */
  #contentTaken(name: string, before: Row, after: Row): void {
    const entry = this.entry(name, Number(after.seq));
    if (before.withdrawnBy !== undefined)
      this.#violated('a message is withdrawn once', `${name}: ${after.seq} by ${after.withdrawnBy}, too`);
    if (!entry || after.id !== entry.id || /"publish"/.test(String(after.data)))
      this.#violated('a withdrawal takes the content, and nothing else', `${name}: seq ${after.seq}`);
    if (entry) entry.withdrawnAt ??= this.#now();
  }

  /** Whoever was told of a message can be told of its withdrawal. */
  #checkKept(name: string, { seq, withdraws = [], expiresAt }: Entry): void {
    for (const withdrawn of withdraws) {
      const entry = this.entry(name, withdrawn);
      if (entry && entry.expiresAt <= expiresAt) continue;
      this.#violated('a withdrawal is kept as long as what it withdraws', `${name}: ${seq} of ${withdrawn}`);
    }
  }

  #messageRemoved(name: string, before: Row, cause: string): void {
    const entry = this.entry(name, Number(before.seq));
    if (cause === 'ttl' && entry && this.hasExpired(entry)) return;
    this.#violated('a message is kept until it expires', `${name}: seq ${before.seq} was deleted (${cause})`);
  }

  #entryOf(channel: string, row: Row): Entry {
    const publish = Number(/"publish":(\d+)/.exec(String(row.data))?.[1]);
    const sentAt = Number(row.sentAt);
    // A withdrawal has no publisher, and what was withdrawn has lost its own.
    const expiresAt = Number.isNaN(publish)
      ? Number(row.expiresAt) * 1000
      : sentAt + this.#intentions.retentionOf(publish) * 1000;
    return {
      seq: Number(row.seq),
      id: String(row.id),
      publish,
      origin: this.#intentions.originIn(publish, channel),
      collapseKey: row.collapseKey === undefined ? undefined : String(row.collapseKey),
      begunAt: this.#intentions.begunAt(publish),
      sentAt,
      expiresAt,
      withdrawnAt: row.withdrawnBy === undefined ? undefined : this.#now(),
      withdraws: seqsWithdrawnBy(row),
      restored: false,
    };
  }
}

function seqsWithdrawnBy({ type, data }: Row): number[] | undefined {
  return type === 'herald.withdrawn' ? JSON.parse(String(data)).seqs : undefined;
}

/** What a backup did not hold: expired long before it, or lost with what came after. */
const lost = (seq: number): Entry => ({
  seq,
  id: '',
  publish: -1,
  origin: undefined,
  collapseKey: undefined,
  begunAt: 0,
  sentAt: 0,
  expiresAt: 0,
  withdrawnAt: undefined,
  withdraws: undefined,
  restored: true,
});
