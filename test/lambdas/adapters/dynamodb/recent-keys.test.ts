/** The idempotency keys on the head row of a channel: what is written is read, and the row stays one write unit. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextHead } from '../../../../lambdas/adapters/dynamodb/idempotency-keys.ts';
import { toHeadRow } from '../../../../lambdas/adapters/dynamodb/message-rows.ts';
import {
  MAX_RECENT_KEYS,
  type RecentKey,
  readRecentKeys,
  toRecentKey,
  writeRecentKeys,
} from '../../../../lambdas/adapters/dynamodb/recent-keys.ts';
import type { Head } from '../../../../lambdas/domain/model.ts';

const NOW = 1_795_939_441_798;
const DAY_MS = 24 * 3_600_000;
const CHANNEL = 'user:alice';
const EPOCH = '01a2187a-56ad-7978-8aa1-d44d98cb3428';

const headAt = (seq: number, updatedAt = NOW): Head => ({ epoch: EPOCH, seq, updatedAt });
const keyAt = (seq: number, now = NOW): RecentKey =>
  toRecentKey({ key: `order-${seq}`, payload: `{"order":${seq}}`, expiresAt: now + DAY_MS }, seq);
const holding = (head: Head, keys: RecentKey[]): Head => ({
  ...head,
  keys: { recent: writeRecentKeys(CHANNEL, head, keys, MAX_RECENT_KEYS).recent, spilledUntil: undefined },
});

describe('the keys of a head', () => {
  it('are read as they were written, oldest first', () => {
    const key = fc.record({
      key: fc.string({ minLength: 1 }),
      payload: fc.string(),
      behind: fc.nat(64 ** 4 - 1),
      leftMs: fc.integer({ min: 1, max: DAY_MS }),
    });
    fc.assert(
      fc.property(fc.array(key, { maxLength: MAX_RECENT_KEYS }), fc.nat(2 ** 31), (given, more) => {
        const head = headAt(64 ** 4 + more);
        const keys = given.map(({ behind, leftMs, ...rest }) =>
          toRecentKey({ ...rest, expiresAt: NOW + leftMs }, head.seq - behind),
        );
        expect(readRecentKeys(holding(head, keys), NOW)).toEqual(keys);
      }),
      { seed: 7 },
    );
  });

  it('hold until they expire, not a second longer', () => {
    const head = holding(headAt(2), [keyAt(1, NOW - DAY_MS + 60_000), keyAt(2)]);
    const [first] = readRecentKeys(head, NOW);
    const endsAt = (first?.expiresAt ?? 0) * 1000;
    expect(readRecentKeys(head, endsAt - 1)).toHaveLength(2);
    expect(readRecentKeys(head, endsAt)).toHaveLength(1);
  });

  it('end with their epoch: after a restore an old key makes no new message a duplicate', () => {
    const head = holding(headAt(1), [keyAt(1)]);
    expect(readRecentKeys(head, NOW)).toHaveLength(1);
    expect(readRecentKeys({ ...head, epoch: '01a2187a-56ad-7978-8aa1-000000000000' }, NOW)).toEqual([]);
  });

  it.each([
    CHANNEL,
    'everyone',
    `topic:${'t'.repeat(128)}`,
    `user:${'u'.repeat(256)}`,
    `user:${'ü'.repeat(128)}`,
  ])('leave the row a write unit, however many there are: %s', (channel) => {
    let head: Head | undefined;
    let spilled = 0;
    for (let seq = 1; seq <= 80; seq++) {
      const idempotency = { key: `order-${seq}`, payload: '{}', expiresAt: NOW + seq + DAY_MS };
      const next = headAt(2 ** 40 + seq, NOW + seq);
      const message = { id: '', type: '', data: 'null', seq: next.seq, sentAt: NOW, expiresAt: NOW } as never;
      const request = { channel, expected: head, next, message, idempotency, now: NOW + seq };
      const moved = nextHead(request, MAX_RECENT_KEYS);
      head = moved.head;
      spilled += moved.spilled.length;
      expect(rowBytes(toHeadRow(channel, head))).toBeLessThanOrEqual(1024);
    }
    const kept = readRecentKeys(head, NOW + 80);
    expect(kept.length).toBeGreaterThanOrEqual(channel.length > 128 ? 24 : MAX_RECENT_KEYS);
    expect(kept.length + spilled).toBe(80);
    expect(head?.keys?.spilledUntil).toBeGreaterThan(NOW + DAY_MS);
  });
});

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html */
const rowBytes = (row: object): number =>
  Object.entries(row).reduce(
    (sum, [name, value]) => sum + name.length + (typeof value === 'number' ? 11 : Buffer.byteLength(value)),
    0,
  );
