/** Replays what a subscription lacks, and resumes it where it was paused. */
import type { App } from '../app.ts';
import { stayPaused } from '../connection/pause.ts';
import { seqIn } from '../cursor.ts';
import type { Head, Subscription } from '../model.ts';
import { type ReplayOptions, replay } from './replay.ts';

/**
 * Replays what follows `after`, and resumes a subscription that was paused. The replay reads the
 * head anew, unless whoever calls has done so: a publisher that has not seen this subscription
 * ready has moved the head by now. Returns whether it resumed the subscription.
 */
export async function catchUp(
  app: App,
  subscription: Subscription,
  options: ReplayOptions,
): Promise<boolean> {
  const { end, through } = await replay(app, subscription, options);
  if (!subscription.paused || end === 'stopped' || end === 'merged') return false;
  if (!(await app.subscriptions.resume(subscription, subscription.paused))) {
    await stayPaused(app, subscription, options.after);
    return false;
  }
  // Once more, for a publisher that found the connection still paused: it has moved the head by
  // now.
  if (end !== 'caught_up') return true;
  const resumed = { ...subscription, paused: undefined };
  await replay(app, resumed, { after: through, deadlineAt: options.deadlineAt, skipIfNone: true });
  return true;
}

/**
 * Where a replay begins that was asked for without a client's word.
 * - An anonymous device has no cursor. The pause of its subscription knows what it lacks; else it
 *   lacks what was published since it began: a fault of the store may have come between that and
 *   its replay.
 * - In mode `auto`, at the cursor or before: the cursor moves over nothing else.
 * - Nobody hears of a topic what is of before the user joined it.
 */
export function startOf(
  { paused, startsAt, deviceId, ackMode }: Subscription,
  head: Head,
  asked: number | undefined,
  cursor: number,
): number {
  const earliest = seqIn(head, startsAt);
  if (paused?.after !== undefined) return Math.min(paused.after, asked ?? paused.after);
  if (deviceId === undefined) return asked ?? earliest ?? cursor;
  if (asked === undefined) return cursor;
  return Math.max(earliest ?? 0, ackMode === 'auto' ? Math.min(asked, cursor) : asked);
}
