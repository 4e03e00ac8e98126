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
 * The seq that a replay of a start or a reconcile follows. `asked`: the seq that was asked for.
 * Undefined: the replay follows the cursor.
 * - An anonymous device has no cursor. The pause of its subscription knows what the device lacks.
 *   Without a pause it lacks what was published since it began: a fault of the store may have come
 *   between its beginning and its replay.
 * - In mode `auto` the replay begins at the cursor or before: only such a replay moves the cursor.
 *   Example: the cursor is at 5, and the client has all up to 8. A replay from 8 would leave the
 *   cursor at 5.
 * - A member of a topic hears nothing from before the user joined.
 */
export function startOfReplay(
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
