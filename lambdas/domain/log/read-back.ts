/** Reads a channel's log from its newest message backwards, as a history shows it. */
import type { Head, Message } from '../model.ts';
import type { LogContext } from './context.ts';
import { isKept, proveMissing, settledBefore, unsettledGaps } from './read.ts';
import { isWithdrawal } from './withdrawal.ts';

/** The seqs after `after` and before `before`. */
export interface BackRange {
  after: number;
  before: number;
}

export interface BackPage {
  /** What is kept of the seqs from `from` on, newest first; without withdrawals. */
  messages: Message[];
  /** All down to here is in the page. */
  from: number;
  /** Rows that were read for it. */
  rows: number;
}

/**
 * The newest rows of a range, at most `limit`. A message whose append is under way may be missing:
 * whoever hears the channel is sent it live, or by a replay.
 */
export async function readPageBack(
  log: LogContext,
  channel: string,
  { after, before }: BackRange,
  head: Head,
  limit: number,
): Promise<BackPage> {
  const last = Math.min(before - 1, head.seq);
  if (last <= after) return { messages: [], from: after + 1, rows: 0 };
  const page = await log.store.queryBack(channel, after, last, limit);
  const ascending = page.messages.toReversed();
  const range = { messages: ascending, after: page.from - 1, through: last };
  const gaps = unsettledGaps(range, head, settledBefore(log));
  const { present } = await proveMissing(log, channel, gaps);
  const now = log.clock.now();
  const messages = [...page.messages, ...present]
    .filter((message) => isKept(message, now) && !isWithdrawal(message))
    .sort((one, other) => other.seq - one.seq);
  return { messages, from: page.from, rows: page.messages.length };
}
