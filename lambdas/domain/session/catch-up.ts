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
 * An anonymous device has no cursor.
 * - The pause of the subscription knows what the device lacks.
 * - Else the device lacks what was published since it began: a fault of the store may have come
 *   between that and its replay.
 */
export function startOf(
  { paused, startsAt, deviceId }: Subscription,
  head: Head,
  asked: number | undefined,
  cursor: number,
): number {
  if (paused?.after !== undefined) return Math.min(paused.after, asked ?? paused.after);
  return asked ?? (deviceId === undefined ? seqIn(head, startsAt) : undefined) ?? cursor;
}
