/** Counts how often a run came to places that are hard to come to: what no run has been through, no check has seen. */
import { HEAD_SEQ } from '../../../lambdas/adapters/dynamodb/tables.ts';
import { MAX_PROOF } from '../../../lambdas/domain/ports/log-store.ts';
import type { Change, TableName, Write } from '../dynamodb/database.ts';
import type { Bindings, Row } from '../dynamodb/expressions.ts';
import type { Socket } from '../world/sockets.ts';

export const PLACES = [
  'more than 50 seqs looked at at once',
  'as many seqs looked at as one transaction takes',
  'an append to a head of before a restore',
  'a replay at its deadline',
  'a hand-over that is not ready, beside the older connection',
  'several requests of an anonymous connection in one batch',
  '410 for a young, ready, anonymous connection',
  'an `auto` cursor that an earlier message has not reached',
  'a fan-out of several ranges',
  'a range that goes on as another',
  'a user joins while connected',
  'a subscription ends while its connection is open',
  'a replay that is wanted while another is under way',
  'a connection that took no frames for too long',
] as const;

export type Place = (typeof PLACES)[number];

/** A row as it is. */
type Find = (table: TableName, key: Row) => Row | undefined;

/** As `domain/connection/send.ts` says. */
const YOUNG_MS = 60_000;

export class Places {
  readonly counts = new Map<string, number>();
  readonly #find: Find;
  readonly #now: () => number;

  constructor(find: Find, now: () => number) {
    this.#find = find;
    this.#now = now;
  }

  /** A serializable read of some seqs. */
  proved(seqs: number): void {
    if (seqs > 50) this.#reached('more than 50 seqs looked at at once');
    if (seqs === MAX_PROOF) this.#reached('as many seqs looked at as one transaction takes');
  }

  /** A publisher's writes whose conditions did not hold. `origin`: the device that caused its message. */
  refused(writes: Write[], origin: string | undefined): void {
    for (const { table, key, bindings } of writes) {
      const { epoch, from } = asked(bindings);
      const row = this.#find(table, key);
      if (table === 'messages' && key.seq === HEAD_SEQ && row && epoch !== undefined && epoch !== row.epoch)
        this.#reached('an append to a head of before a restore');
      if (table === 'devices' && key.deviceId !== origin && cursorOf(row, bindings) < from)
        this.#reached('an `auto` cursor that an earlier message has not reached');
    }
  }

  /** A row of a connection was written. */
  connectionChanged({ before, after }: Change, hasOlder: (row: Row) => boolean): void {
    if (!after) return;
    const isAsked = after.replayRequestId !== before?.replayRequestId && after.replayAfter !== undefined;
    if (isAsked && after.deviceId !== undefined) this.#reached('a replay at its deadline');
    if (after.replayWanted !== undefined && after.replayWanted !== before?.replayWanted)
      this.#reached('a replay that is wanted while another is under way');
    if (after.bye === 'not_reading' && before?.bye === undefined)
      this.#reached('a connection that took no frames for too long');
    if (!before && after.handover === true && hasOlder(after))
      this.#reached('a hand-over that is not ready, beside the older connection');
  }

  /** A row of a subscription was written. */
  subscriptionChanged({ before, after }: Change): void {
    if (!before && after?.replayRequestId !== undefined) this.#reached('a user joins while connected');
    if (!before || after) return;
    const { userId = '', connectionId = '' } = before;
    if (this.#find('connections', { userId, connectionId }))
      this.#reached('a subscription ends while its connection is open');
  }

  /** Messages for the fan-out queue. */
  queued(lambda: string, messages: number): void {
    if (messages > 1) this.#reached('a fan-out of several ranges');
    if (lambda === 'fan-out') this.#reached('a range that goes on as another');
  }

  /** Records of one batch of the stream. */
  batched(rows: Row[]): void {
    const anonymous = rows.filter(
      ({ deviceId, replayAfter }) => deviceId === undefined && replayAfter !== undefined,
    );
    const ids = new Set(anonymous.map(({ connectionId }) => connectionId));
    if (ids.size < anonymous.length)
      this.#reached('several requests of an anonymous connection in one batch');
  }

  /** The gateway has answered 410. */
  goneThoughOpen({ id, userId, deviceId, state, connectedAt }: Socket): void {
    if (deviceId !== undefined || state !== 'open' || this.#now() - connectedAt >= YOUNG_MS) return;
    if (this.#find('connections', { userId, connectionId: id })?.readyAt === undefined) return;
    this.#reached('410 for a young, ready, anonymous connection');
  }

  #reached(place: Place): void {
    this.counts.set(place, (this.counts.get(place) ?? 0) + 1);
  }
}

const asked = ({ values }: Bindings) => ({ epoch: values[':epoch'], from: Number(values[':from']) });

/** Where the cursor stands that an expression names. */
function cursorOf(row: Row | undefined, { names }: Bindings): number {
  const cursor = row?.[names['#cursor'] ?? ''] as { seq: number } | undefined;
  return cursor?.seq ?? Number.POSITIVE_INFINITY;
}
