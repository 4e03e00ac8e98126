/** Where devices stand: a cursor only goes forward, never past the head, and over nothing the device has not been given. */
import { cursorAttribute, cursorChannel, SUMMARY_ID } from '../../../lambdas/adapters/dynamodb/tables.ts';
import type { Change } from '../dynamodb/database.ts';
import type { Row } from '../dynamodb/expressions.ts';
import type { Invocation } from '../world/invocation.ts';
import type { Violated } from './judge.ts';
import { CLOCK_TOLERANCE_MS, type Hearer, type Ledger } from './ledger.ts';
import type { Members } from './members.ts';

interface Position {
  epoch: string;
  seq: number;
}

export class Cursors {
  /** By device and epoch: what it was given, by its client's word (mode `client`) or the gateway's (mode `auto`). */
  readonly #given = new Map<string, Set<number>>();
  /** By user, channel, epoch and seq: what a device with a name was given. */
  readonly #givenTo = new Set<string>();
  /** By user, channel and epoch: where each device stood since when, and until when it is remembered at least. */
  readonly #history = new Map<string, { at: number; deviceId: string; seq: number; expiresAt: number }[]>();
  /**
   * By user, channel and epoch: where the most advanced device was kept to stand, since when. Where
   * that was forgotten, -1.
   */
  readonly #furthest = new Map<string, { at: number; seq: number }[]>();
  readonly #beginnings = new Map<string, number>();
  /** Invocations for a `subscribe` that says itself where to begin. */
  readonly #told = new Set<number>();
  readonly #members: Members;
  readonly #ledger: Ledger;
  readonly #violated: Violated;
  readonly #now: () => number;

  constructor(ledger: Ledger, members: Members, violated: Violated, now: () => number) {
    this.#ledger = ledger;
    this.#members = members;
    this.#violated = violated;
    this.#now = now;
  }

  /** A frame that says where a subscription is to begin: its client has what comes before. */
  toldStart({ id }: Invocation): void {
    this.#told.add(id);
  }

  give({ userId, deviceId }: Hearer, channel: string, epoch: string, seq: number): void {
    const key = JSON.stringify([userId, deviceId, channel, epoch]);
    const given = this.#given.get(key) ?? new Set();
    this.#given.set(key, given.add(seq));
    if (deviceId !== undefined) this.#givenTo.add(JSON.stringify([userId, channel, epoch, seq]));
  }

  /** Whether any of the user's devices was given it, or stands at it. */
  isKnownTo(userId: string, channel: string, epoch: string, seq: number): boolean {
    const stood = this.#furthest.get(JSON.stringify([userId, channel, epoch])) ?? [];
    return (
      stood.some((sight) => sight.seq >= seq) ||
      this.#givenTo.has(JSON.stringify([userId, channel, epoch, seq]))
    );
  }

  wasGiven({ userId, deviceId }: Hearer, channel: string, epoch: string, seq: number): boolean {
    return this.#given.get(JSON.stringify([userId, deviceId, channel, epoch]))?.has(seq) ?? false;
  }

  changed({ before, after }: Change, writer: Invocation | undefined): void {
    if (before && deviceOf(before) === SUMMARY_ID && !after) this.#lapsed(before);
    if (!after) return;
    for (const attribute of Object.keys(after)) {
      const channel = cursorChannel(attribute);
      if (channel === undefined) continue;
      const to = after[attribute] as unknown as Position;
      if (deviceOf(after) === SUMMARY_ID) {
        const isKept = JSON.stringify(before?.[attribute]) === JSON.stringify(to);
        if (!isKept) this.#kept(String(after.userId), channel, to, writer);
        continue;
      }
      const from =
        before && this.#isAlive(before) ? (before[attribute] as unknown as Position | undefined) : undefined;
      if (from && from.epoch === to.epoch && from.seq === to.seq) {
        // It is remembered for longer.
        if (after.expiresAt !== before?.expiresAt) this.#note(after, channel, to);
        continue;
      }
      this.#moved(after, channel, from, to, writer);
    }
  }

  /** It is kept where the most advanced device stands: no further than one of those ever stood that are not forgotten. */
  #kept(userId: string, channel: string, { epoch, seq }: Position, writer: Invocation | undefined): void {
    const key = JSON.stringify([userId, channel, epoch]);
    const startedAt = writer?.startedAt ?? this.#now();
    const stood = Math.max(0, ...this.#remembered(key, startedAt).map((sight) => sight.seq));
    if (seq > stood) {
      this.#violated(
        'the furthest is where a device stood',
        `${userId} in ${channel}: kept at ${seq}, none that is remembered was beyond ${stood}`,
      );
    }
    this.#furthest.set(key, [...(this.#furthest.get(key) ?? []), { at: this.#now(), seq }]);
  }

  /** After three months in which no cursor moved. */
  #lapsed(row: Row): void {
    for (const [key, kept] of this.#furthest) {
      const [userId, channel] = JSON.parse(key) as string[];
      if (userId !== String(row.userId) || row[cursorAttribute(channel ?? '')] === undefined) continue;
      this.#furthest.set(key, [...kept, { at: this.#now(), seq: -1 }]);
    }
  }

  /** In the end the most advanced device is known: a new one would start there. */
  checkFurthest(): void {
    for (const [key, sights] of this.#history) {
      const [userId, channel, epoch] = JSON.parse(key) as [string, string, string];
      if (channel !== `user:${userId}` || this.#ledger.channel(channel).epoch !== epoch) continue;
      const stood = Math.max(0, ...sights.map(({ seq }) => seq));
      const kept = this.#furthest.get(key)?.at(-1)?.seq ?? 0;
      if (kept < stood)
        this.#violated('the furthest is where a device stood', `${userId}: kept at ${kept}, not ${stood}`);
    }
  }

  #moved(
    row: Row,
    channel: string,
    from: Position | undefined,
    to: Position,
    writer: Invocation | undefined,
  ): void {
    const [userId, deviceId] = [String(row.userId), deviceOf(row)];
    const name = `${userId}/${deviceId} in ${channel}`;
    const { epoch } = this.#ledger.channel(channel);
    const head = this.#ledger.committedHead(channel);
    // What an invocation began before a restore may still write, in the old epoch.
    if (to.epoch !== epoch) return;
    if (to.seq > head)
      this.#violated('a cursor never passes the head', `${name}: ${to.seq}, the head is ${head}`);
    const base =
      from?.epoch === to.epoch ? from.seq : this.#start({ userId, name, channel }, from, to, writer);
    if (to.seq < base) this.#violated('a cursor never goes back', `${name}: from ${base} to ${to.seq}`);
    // Who joins anew, or says itself that it has what comes before, begins further on.
    const skipped = this.#isTold(writer) ? to.seq : this.#floor(channel, userId, to, writer);
    const beginning = this.#beginning(name, to.epoch, Math.max(base, Math.min(to.seq, skipped)));
    // The server begins anew with a device it has forgotten; the device itself may know better.
    const begin = writer?.lambda === 'message' ? beginning : Math.max(base, Math.min(to.seq, skipped));
    for (let seq = begin + 1; seq <= to.seq; seq++) {
      if (this.wasGiven({ userId, deviceId }, channel, to.epoch, seq)) continue;
      if (this.#ledger.isSettledFor(channel, seq, { userId, deviceId })) continue;
      this.#violated(
        'a cursor passes only what the device was given',
        `${name}: from ${base} to ${to.seq} over seq ${seq}`,
      );
    }
    this.#note(row, channel, to);
  }

  #isTold = (writer: Invocation | undefined): boolean => writer !== undefined && this.#told.has(writer.id);

  /** Where the user last joined the topic. */
  #floor(channel: string, userId: string, { epoch }: Position, writer: Invocation | undefined): number {
    if (!channel.startsWith('topic:')) return 0;
    const since = writer?.startedAt ?? this.#now();
    const floors = this.#members.floors(channel.slice('topic:'.length), userId, since);
    return Math.max(0, ...floors.map((floor) => (floor.epoch === epoch ? floor.seq : 0)));
  }

  /** The farthest the server ever let the device begin. */
  #beginning(name: string, epoch: string, base: number): number {
    const key = JSON.stringify([name, epoch]);
    const beginning = Math.max(base, this.#beginnings.get(key) ?? base);
    this.#beginnings.set(key, beginning);
    return beginning;
  }

  /** A device without a cursor begins where the user's most advanced was kept to stand when the Lambda looked. */
  #start(
    { userId, name, channel }: { userId: string; name: string; channel: string },
    from: Position | undefined,
    to: Position,
    writer: Invocation | undefined,
  ): number {
    if (from) return 0;
    const startedAt = writer?.startedAt ?? this.#now();
    const kept = this.#furthest.get(JSON.stringify([userId, channel, to.epoch])) ?? [];
    const isNew = (kept.findLast(({ at }) => at <= startedAt)?.seq ?? -1) < 0;
    // Nobody of the user has been there: a member begins where the user joined, others at the head.
    if (isNew && !channel.startsWith('user:') && !this.#hasJoined(channel, userId, to.epoch, startedAt))
      return to.seq;
    const least = Math.min(
      kept.findLast(({ at }) => at <= startedAt)?.seq ?? 0,
      ...kept.filter(({ at }) => at > startedAt).map(({ seq }) => seq),
    );
    const isReplay = writer?.lambda === 'reconcile';
    if (isReplay && to.seq < least) {
      this.#violated(
        'a new device starts where the user stands',
        `${name}: at ${to.seq}, the user stood at ${least}`,
      );
    }
    const possible = this.#remembered(JSON.stringify([userId, channel, to.epoch]), startedAt);
    // Where the most advanced stood may be kept for longer than its device is.
    return Math.min(to.seq, Math.max(0, ...[...possible, ...kept].map(({ seq }) => seq)));
  }

  #hasJoined(channel: string, userId: string, epoch: string, since: number): boolean {
    const topic = channel.slice('topic:'.length);
    const isMember = this.#members.isMemberSince(topic, userId, since);
    return isMember && this.#members.standing(topic, userId)?.floor.epoch === epoch;
  }

  /** What was seen of the devices that were not forgotten at some time. */
  #remembered(key: string, at: number) {
    return (this.#history.get(key) ?? []).filter(({ expiresAt }) => expiresAt > at - CLOCK_TOLERANCE_MS);
  }

  #note(row: Row, channel: string, { epoch, seq }: Position): void {
    const key = JSON.stringify([String(row.userId), channel, epoch]);
    const history = this.#history.get(key) ?? [];
    const sight = {
      at: this.#now(),
      deviceId: deviceOf(row),
      seq,
      expiresAt: Number(row.expiresAt) * 1000,
    };
    this.#history.set(key, [...history, sight]);
  }

  #isAlive = (row: Row): boolean => Number(row.expiresAt) * 1000 > this.#now() - CLOCK_TOLERANCE_MS;
}

/** Of the table of devices, or of that of cursors, where it follows the channel's name and a `#`. */
const deviceOf = ({ deviceId, channelDevice }: Row): string =>
  deviceId === undefined
    ? String(channelDevice).slice(String(channelDevice).indexOf('#') + 1)
    : String(deviceId);
