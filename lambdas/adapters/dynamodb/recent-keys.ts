/**
 * The newest idempotency keys of a channel, written as one text on the channel's head row. An
 * append reads and replaces that row anyway, so a key costs no write of its own until it falls out
 * of the text, which has room for {@link MAX_RECENT_KEYS}.
 */
import { hash } from 'node:crypto';
import type { Head } from '../../domain/model.ts';
import type { IdempotencyKey } from '../../domain/ports/log-store.ts';
import { toMilliseconds, toSeconds } from './tables.ts';

/** What is remembered of a key. It is told from other keys by its hash. */
export interface RecentKey {
  /** {@link hashOfKey} */
  key: string;
  /** {@link hashOfPayload} */
  payload: string;
  /** Of the message that the key stands for. */
  seq: number;
  /** In epoch seconds. */
  expiresAt: number;
}

/** A channel with more messages a day writes the older keys into the table Publishes. */
export const MAX_RECENT_KEYS = 32;

/** A write unit: the head row must not be larger. */
const MAX_ROW_BYTES = 1024;
/**
 * The names of its attributes, its numbers, its epoch, and the mark of the epoch before the keys.
 */
const ROW_OVERHEAD_BYTES = 136;

/** Characters of base64url: 64 bits of the key's hash, 36 of the payload's, and two numbers. */
const KEY = 11;
const PAYLOAD = 6;
const SEQ = 4;
const EXPIRY = 3;
const ENTRY = KEY + PAYLOAD + SEQ + EXPIRY;

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const EPOCH_MARK = 8;

export const hashOfKey = (key: string): string => hash('sha256', key, 'base64url').slice(0, KEY);
export const hashOfPayload = (payload: string): string =>
  hash('sha256', payload, 'base64url').slice(0, PAYLOAD);

export const toRecentKey = ({ key, payload, expiresAt }: IdempotencyKey, seq: number): RecentKey => ({
  key: hashOfKey(key),
  payload: hashOfPayload(payload),
  seq,
  expiresAt: toSeconds(expiresAt),
});

/**
 * The keys that hold at `now`, oldest first. None if the text is of another epoch: after a restore
 * an old key would make a new message look like a duplicate.
 */
export function readRecentKeys(head: Head | undefined, now: number): RecentKey[] {
  const text = head?.keys?.recent;
  if (head === undefined || text === undefined || !text.startsWith(markOf(head))) return [];
  const keys: RecentKey[] = [];
  for (let at = EPOCH_MARK; at < text.length; at += ENTRY) {
    const take = cutter(text, at);
    const key = take(KEY);
    const payload = take(PAYLOAD);
    const seq = head.seq - toNumber(take(SEQ));
    const expiresAt = toSeconds(head.updatedAt) + toNumber(take(EXPIRY));
    if (toMilliseconds(expiresAt) > now) keys.push({ key, payload, seq, expiresAt });
  }
  return keys;
}

/**
 * Writes the newest of the keys for a head, at most `most`; `fallen`: those for which the row has
 * no room, or that stand too far behind the head to be written.
 */
export function writeRecentKeys(
  channel: string,
  head: Head,
  keys: RecentKey[],
  most: number,
): { recent: string | undefined; fallen: RecentKey[] } {
  const room = Math.floor((MAX_ROW_BYTES - ROW_OVERHEAD_BYTES - Buffer.byteLength(channel)) / ENTRY);
  const newest = keys.slice(-Math.min(room, most)).filter((key) => fits(head, key));
  const fallen = keys.filter((key) => !newest.includes(key));
  const entries = newest.map(
    ({ key, payload, seq, expiresAt }) =>
      key + payload + toDigits(head.seq - seq, SEQ) + toDigits(expiresAt - toSeconds(head.updatedAt), EXPIRY),
  );
  return { recent: newest.length > 0 ? markOf(head) + entries.join('') : undefined, fallen };
}

const fits = (head: Head, { seq, expiresAt }: RecentKey): boolean =>
  head.seq - seq < 64 ** SEQ && expiresAt - toSeconds(head.updatedAt) < 64 ** EXPIRY;

/** The end of an epoch is its random part. */
const markOf = ({ epoch }: Head): string => epoch.slice(-EPOCH_MARK).padStart(EPOCH_MARK);

function cutter(text: string, from: number): (length: number) => string {
  let at = from;
  return (length) => {
    at += length;
    return text.slice(at - length, at);
  };
}

function toDigits(number: number, length: number): string {
  let text = '';
  for (let rest = number; text.length < length; rest = Math.floor(rest / 64)) text = DIGITS[rest % 64] + text;
  return text;
}

function toNumber(text: string): number {
  let number = 0;
  for (const digit of text) number = number * 64 + DIGITS.indexOf(digit);
  return number;
}
