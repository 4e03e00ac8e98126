/**
 * Reads a channel's log without ever taking a message that is being appended for one that has
 * expired.
 *
 * A `Query` is not isolated from transactions: it may see the head of an append and not yet its
 * row. So the head is read first, and a seq that the query lacks counts as expired only with proof:
 * a serializable read, or its age.
 */
import { backOff } from '../back-off.ts';
import type { Head, Message } from '../model.ts';
import { MAX_PROOF } from '../ports/log-store.ts';
import type { LogContext } from './context.ts';

/**
 * An append is visible as a whole long before this time has passed, whatever the Lambdas' clocks
 * say. A seq that was appended earlier needs no proof. Example: a log whose oldest million messages
 * have expired is read as fast as any.
 */
const SETTLED_AFTER_MS = 10 * 60_000;

const PROOF_TRIES = 4;
const PROOF_BASE_MS = 20;
const PROOF_CAP_MS = 200;

export interface LogPage {
  /**
   * What is kept of the seqs after `after` and up to `through`, ascending; nothing that expired or
   * was withdrawn. The withdrawals are among them.
   */
  messages: Message[];
  /**
   * Every seq up to here is settled: in `messages`, expired, or withdrawn. Short of the head if
   * more pages follow.
   */
  through: number;
}

/** Whether a message that was read may still be told. */
export const isKept = ({ expiresAt, withdrawnBy }: Message, now: number): boolean =>
  expiresAt > now && withdrawnBy === undefined;

export async function readPage(
  log: LogContext,
  channel: string,
  after: number,
  head: Head,
): Promise<LogPage> {
  if (after >= head.seq) return { messages: [], through: head.seq };
  const page = await log.store.query(channel, after, head.seq);
  const gaps = unsettledGaps({ ...page, after }, head, settledBefore(log));
  const settled = await proveMissing(log, channel, gaps);

  const through = settled.through ?? page.through;
  const now = log.clock.now();
  const messages = [...page.messages, ...settled.present]
    .filter((message) => message.seq <= through && isKept(message, now))
    .sort((one, other) => one.seq - other.seq);
  return { messages, through };
}

/** Until this instant, every append is visible as a whole. */
export const settledBefore = ({ clock }: LogContext): number => clock.now() - SETTLED_AFTER_MS;

/**
 * The seqs that are missing from a page and may be young enough to be still on their way,
 * ascending.
 */
export function unsettledGaps(
  { messages, after, through }: LogPage & { after: number },
  { updatedAt }: Head,
  before: number,
): number[] {
  const missing: number[] = [];
  let previous = after;
  // A missing seq was appended before the next message that is present, and not after the head last
  // moved. Example: 5 is missing, and 6 was sent an hour ago: 5 needs no proof.
  for (const { seq, sentAt } of [...messages, { seq: through + 1, sentAt: updatedAt }]) {
    for (let gap = previous + 1; sentAt >= before && gap < seq; gap++) {
      // One more than a proof can hold tells that the page must end there.
      if (missing.push(gap) > MAX_PROOF) return missing;
    }
    previous = seq;
  }
  return missing;
}

/**
 * What of the missing seqs is there after all. `through`: where the page must end, if the proof
 * falls short.
 */
export async function proveMissing(
  log: LogContext,
  channel: string,
  missing: number[],
): Promise<{ present: Message[]; through?: number }> {
  const [first] = missing;
  if (first === undefined) return { present: [] };
  const seqs = missing.slice(0, MAX_PROOF);
  for (let attempt = 0; attempt < PROOF_TRIES; attempt++) {
    const proof = await log.store.prove(channel, seqs);
    if (proof.outcome === 'proven') {
      const beyond = missing[MAX_PROOF];
      return { present: proof.present, ...(beyond === undefined ? {} : { through: beyond - 1 }) };
    }
    await backOff(log, attempt, PROOF_BASE_MS, PROOF_CAP_MS);
  }
  return { present: [], through: first - 1 };
}
