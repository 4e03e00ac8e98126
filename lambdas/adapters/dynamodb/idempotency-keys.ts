/**
 * Which idempotency keys of a channel hold: the newest stand on its head row, the others in the
 * table Publishes. A key that another publisher writes meanwhile moves the head, on whose standing
 * every append depends: so a key that was looked up before an append is still unused when it
 * commits.
 */
import type { DynamoDb } from '../../aws/dynamodb.ts';
import type { Head } from '../../domain/model.ts';
import type { AppendRequest } from '../../domain/ports/log-store.ts';
import type { LogTables } from './append-transaction.ts';
import { hashOfKey, type RecentKey, readRecentKeys, toRecentKey, writeRecentKeys } from './recent-keys.ts';
import { type PublishRow, toMilliseconds } from './tables.ts';
import { transactGet } from './transact-get.ts';

export interface IdempotencyKeys {
  /**
   * What holds for a key at `now`, by the head as it was read. `in_doubt`: the append that moves
   * keys into Publishes is under way.
   */
  find(
    channel: string,
    head: Head | undefined,
    key: string,
    now: number,
  ): Promise<RecentKey | 'in_doubt' | undefined>;
}

export function createIdempotencyKeys(
  dynamodb: DynamoDb,
  { publishes }: Pick<LogTables, 'publishes'>,
): IdempotencyKeys {
  /**
   * Reads with a transaction. Example: an append took a key off the head and put it here. A plain
   * read may see the new head and not yet this row: the key would be taken for unused.
   */
  const read = async (Key: object): Promise<PublishRow | 'in_doubt' | undefined> => {
    const rows = await transactGet<PublishRow>(dynamodb, publishes, [Key]);
    return rows === 'in_doubt' ? rows : rows[0];
  };

  return {
    async find(channel, head, key, now) {
      const hashed = hashOfKey(key);
      const recent = readRecentKeys(head, now).find((one) => one.key === hashed);
      if (recent || head === undefined || (head.keys?.spilledUntil ?? 0) <= now) return recent;
      const row = await read({ channel, idempotencyKey: hashed });
      if (row === undefined || row === 'in_doubt') return row;
      const { epoch, seq, payloadHash: payload, expiresAt } = row;
      // A key of another epoch stands for a message that may be gone with that epoch.
      const holds = epoch === head.epoch && toMilliseconds(expiresAt) > now;
      return holds ? { key: hashed, payload, seq, expiresAt } : undefined;
    },
  };
}

/** Where an append moves the head, with its keys, and which keys that leaves no room for. */
export function nextHead(
  { channel, expected, next, idempotency, now }: AppendRequest,
  maxRecentKeys: number,
): { head: Head; spilled: RecentKey[] } {
  const added = idempotency ? [toRecentKey(idempotency, next.seq)] : [];
  const keys = [...readRecentKeys(expected, now), ...added];
  const { recent, fallen } = writeRecentKeys(channel, next, keys, maxRecentKeys);
  const until = [expected?.keys?.spilledUntil ?? 0, ...fallen.map((key) => toMilliseconds(key.expiresAt))];
  const latest = Math.max(...until);
  const spilledUntil = latest > now ? latest : undefined;
  const isBare = recent === undefined && spilledUntil === undefined;
  return { head: isBare ? next : { ...next, keys: { recent, spilledUntil } }, spilled: fallen };
}
