/** Where devices stand: a cursor only goes forward, never past the head, and over nothing the device has not been given. */
import { cursorChannel, SUMMARY_ID } from '../../../lambdas/adapters/dynamodb/tables.ts';
import type { Change } from '../dynamodb/database.ts';
import type { Row } from '../dynamodb/expressions.ts';
import type { Invocation } from '../world/invocation.ts';
import type { Violated } from './judge.ts';
import { CLOCK_TOLERANCE_MS, type Ledger } from './ledger.ts';

interface Position {
  epoch: string;
  seq: number;
}

export class Cursors {
  /** By device and epoch: what it was given, by its client's word (mode `client`) or the gateway's (mode `auto`). */
  readonly #given = new Map<string, Set<number>>();
  /** By user and epoch: where each device stood since when, and until when it is remembered at least. */
  readonly #history = new Map<string, { at: number; deviceId: string; seq: number; expiresAt: number }[]>();
  /** By user and epoch: where the most advanced device was kept to stand, since when. */
  readonly #furthest = new Map<string, { at: number; seq: number }[]>();
  readonly #beginnings = new Map<string, number>();
  readonly #ledger: Ledger;
  readonly #violated: Violated;
  readonly #now: () => number;

  constructor(ledger: Ledger, violated: Violated, now: () => number) {
    this.#ledger = ledger;
    this.#violated = violated;
    this.#now = now;
  }

  give(userId: string, deviceId: string | undefined, epoch: string, seq: number): void {
    const key = JSON.stringify([userId, deviceId, epoch]);
    const given = this.#given.get(key) ?? new Set();
    this.#given.set(key, given.add(seq));
  }

  wasGiven(userId: string, deviceId: string | undefined, epoch: string, seq: number): boolean {
    return this.#given.get(JSON.stringify([userId, deviceId, epoch]))?.has(seq) ?? false;
  }

  changed({ before, after }: Change, writer: Invocation | undefined): void {
    if (before?.deviceId === SUMMARY_ID && !after) this.#lapsed(String(before.userId));
    if (!after) return;
    for (const attribute of Object.keys(after)) {
      const channel = cursorChannel(attribute);
      if (channel === undefined) continue;
      const to = after[attribute] as unknown as Position;
      if (after.deviceId === SUMMARY_ID) {
        const isKept = JSON.stringify(before?.[attribute]) === JSON.stringify(to);
        if (!isKept) this.#kept(String(after.userId), to, writer);
        continue;
      }
      const from =
        before && this.#isAlive(before) ? (before[attribute] as unknown as Position | undefined) : undefined;
      if (from && from.epoch === to.epoch && from.seq === to.seq) {
        // It is remembered for longer.
        if (after.expiresAt !== before?.expiresAt) this.#note(after, to);
        continue;
      }
      this.#moved(after, channel, from, to, writer);
    }
  }

  /** It is kept where the most advanced device stands: no further than one of those ever stood that are not forgotten. */
  #kept(userId: string, { epoch, seq }: Position, writer: Invocation | undefined): void {
    const key = JSON.stringify([userId, epoch]);
    const startedAt = writer?.startedAt ?? this.#now();
    const stood = Math.max(0, ...this.#remembered(key, startedAt).map((sight) => sight.seq));
    if (seq > stood) {
      this.#violated(
        'the furthest is where a device stood',
        `${userId}: kept at ${seq}, none that is remembered was beyond ${stood}`,
      );
    }
    this.#furthest.set(key, [...(this.#furthest.get(key) ?? []), { at: this.#now(), seq }]);
  }

  /** After three months in which no cursor moved. */
  #lapsed(userId: string): void {
    for (const [key, kept] of this.#furthest) {
      if (JSON.parse(key)[0] === userId) this.#furthest.set(key, [...kept, { at: this.#now(), seq: 0 }]);
    }
  }

  /** In the end the most advanced device is known: a new one would start there. */
  checkFurthest(): void {
    for (const [key, sights] of this.#history) {
      const [userId, epoch] = JSON.parse(key) as [string, string];
      if (this.#ledger.channel(`user:${userId}`).epoch !== epoch) continue;
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
    const [userId, deviceId] = [String(row.userId), String(row.deviceId)];
    const name = `${userId}/${deviceId}`;
    const { epoch } = this.#ledger.channel(channel);
    const head = this.#ledger.committedHead(channel);
    // What an invocation began before a restore may still write, in the old epoch.
    if (to.epoch !== epoch) return;
    if (to.seq > head)
      this.#violated('a cursor never passes the head', `${name}: ${to.seq}, the head is ${head}`);
    const base = from?.epoch === to.epoch ? from.seq : this.#start(userId, name, from, to, writer);
    if (to.seq < base) this.#violated('a cursor never goes back', `${name}: from ${base} to ${to.seq}`);
    const beginning = this.#beginning(name, to.epoch, base);
    // The server begins anew with a device it has forgotten; the device itself may know better.
    const begin = writer?.lambda === 'message' ? beginning : base;
    for (let seq = begin + 1; seq <= to.seq; seq++) {
      if (this.wasGiven(userId, deviceId, to.epoch, seq)) continue;
      if (this.#ledger.isSettledFor(channel, seq, deviceId)) continue;
      this.#violated(
        'a cursor passes only what the device was given',
        `${name}: from ${base} to ${to.seq} over seq ${seq}`,
      );
    }
    this.#note(row, to);
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
    userId: string,
    name: string,
    from: Position | undefined,
    to: Position,
    writer: Invocation | undefined,
  ): number {
    if (from) return 0;
    const startedAt = writer?.startedAt ?? this.#now();
    const kept = this.#furthest.get(JSON.stringify([userId, to.epoch])) ?? [];
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
    const possible = this.#remembered(JSON.stringify([userId, to.epoch]), startedAt);
    // Where the most advanced stood may be kept for longer than its device is.
    return Math.min(to.seq, Math.max(0, ...[...possible, ...kept].map(({ seq }) => seq)));
  }

  /** What was seen of the devices that were not forgotten at some time. */
  #remembered(key: string, at: number) {
    return (this.#history.get(key) ?? []).filter(({ expiresAt }) => expiresAt > at - CLOCK_TOLERANCE_MS);
  }

  #note(row: Row, { epoch, seq }: Position): void {
    const key = JSON.stringify([row.userId, epoch]);
    const history = this.#history.get(key) ?? [];
    const sight = {
      at: this.#now(),
      deviceId: String(row.deviceId),
      seq,
      expiresAt: Number(row.expiresAt) * 1000,
    };
    this.#history.set(key, [...history, sight]);
  }

  #isAlive = (row: Row): boolean => Number(row.expiresAt) * 1000 > this.#now() - CLOCK_TOLERANCE_MS;
}
