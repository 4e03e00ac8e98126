/**
 * What becomes of a subscription whose connection refuses frames: it is paused. Pausing is a state
 * of this subscription alone and holds up nobody else.
 * - Publishers post no live messages to it.
 * - The reconcile queue has it tried again, at growing intervals, until the client reads.
 * - When our patience ends, it is closed. Its client connects again and is replayed to.
 */
import type { App } from '../app.ts';
import { asError } from '../errors.ts';
import { logged } from '../log-fields.ts';
import type { Subscription } from '../model.ts';
import type { ReconcileRequest } from '../ports/later.ts';
import { markSubscriberForClose } from './close.ts';

/** While other connections take frames. */
const PATIENCE_MS = 15_000;
/** When no other connection is known to take frames: it may be the account that is throttled. */
const LONG_PATIENCE_MS = 60_000;
/**
 * A connection that has been paused for longer is not tried again any more: its message in the
 * queue is lost.
 */
const ABANDONED_MS = 2 * LONG_PATIENCE_MS;
const MAX_DELAY_SECONDS = 5;

/**
 * Pauses a connection that refused a frame, and has it tried again. Does nothing if another process
 * has paused it already: that process has it tried again. `after`: the last seq that was settled.
 */
export async function pause(app: App, subscription: Subscription, after: number): Promise<void> {
  const at = app.clock.now();
  const isFirst = await app.subscriptions.pause(
    subscription,
    { at, after: ofAnonymous(subscription, after) },
    app.ids.next(),
  );
  if (!isFirst) return;
  app.logger.info('paused', logged(subscription));
  await tryLater(app, subscription, at);
}

/** Tries a paused connection again a little later, or closes it when our patience has ended. */
export async function stayPaused(app: App, subscription: Subscription, after: number): Promise<void> {
  const { paused } = subscription;
  if (paused === undefined) return await pause(app, subscription, after);
  if (isOutOfPatience(app, subscription, paused.at)) {
    app.logger.metrics({ notReading: 1 }, 'not reading', logged(subscription));
    return await markSubscriberForClose(app, subscription, 'not_reading');
  }
  if (subscription.deviceId === undefined)
    await app.subscriptions.pause(subscription, { at: paused.at, after }, app.ids.next());
  await tryLater(app, subscription, paused.at);
}

/**
 * Pauses a connection that took frames before it refused one: its patience begins anew, and so does
 * its replay, from there.
 */
export async function pauseAnew(app: App, subscription: Subscription, through: number): Promise<void> {
  const { paused } = subscription;
  const isResumed = paused === undefined || (await app.subscriptions.resume(subscription, paused));
  if (isResumed) await pause(app, { ...subscription, paused: undefined }, through);
  else await tryLater(app, subscription, app.clock.now());
}

/** Whether nobody tries a paused connection any more: the message that was to do it is lost. */
export const isAbandoned = ({ clock }: App, { paused }: Subscription): boolean =>
  paused !== undefined && clock.now() - paused.at >= ABANDONED_MS;

/** Called by a publisher instead of a post, when the connection is paused. */
export async function passBy(app: App, subscription: Subscription, seq: number): Promise<void> {
  const { paused, deviceId } = subscription;
  if (paused === undefined) return;
  if (isAbandoned(app, subscription)) return await markSubscriberForClose(app, subscription, 'not_reading');
  if (deviceId !== undefined || (paused.after !== undefined && seq > paused.after)) return;
  // Publishers overtake each other: the replay must begin before the smallest seq that was passed
  // by.
  const isFirst = await app.subscriptions.pause(
    subscription,
    { at: paused.at, after: seq - 1 },
    app.ids.next(),
  );
  if (isFirst) await tryLater(app, subscription, paused.at);
}

function isOutOfPatience(
  { clock, acceptances }: App,
  { connectionId }: Subscription,
  since: number,
): boolean {
  const waitedMs = clock.now() - since;
  if (waitedMs >= LONG_PATIENCE_MS) return true;
  return waitedMs >= PATIENCE_MS && acceptances.hasOtherSince(connectionId, since);
}

/**
 * Has the connection tried again after as long as it has been paused already: 0, 1, 2, 4, 5, 5…
 * seconds.
 */
async function tryLater(app: App, subscription: Subscription, since: number): Promise<void> {
  const waitedSeconds = Math.max(0, Math.ceil((app.clock.now() - since) / 1000));
  try {
    await app.later.reconcile(requestOf(subscription), Math.min(waitedSeconds, MAX_DELAY_SECONDS));
  } catch (error) {
    // The stream reconciles the connection as well, but without a delay.
    app.logger.warn('not queued', { ...logged(subscription), error: asError(error) });
    await app.subscriptions.requestReconcile(subscription, app.ids.next());
  }
}

/**
 * Asks for a subscription to be reconciled. `after`: where its replay starts, if the device has no
 * cursor.
 */
export const requestOf = (subscription: Subscription, after?: number): ReconcileRequest => {
  const { channel, userId, connectionId } = subscription;
  return {
    channel,
    userId,
    connectionId,
    after: after === undefined ? undefined : ofAnonymous(subscription, after),
  };
};

/** Undefined for a device with a cursor: its replay starts at the cursor. */
const ofAnonymous = ({ deviceId }: Subscription, after: number): number | undefined =>
  deviceId === undefined ? after : undefined;
