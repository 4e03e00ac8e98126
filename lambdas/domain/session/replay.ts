/**
 * Sends a device what it missed of a channel, in order, in windows a phone can take. One replay at
 * a time runs for a subscription.
 */
import type { JsonText, ReplayFrame } from '../../protocol/frames.ts';
import { REPLAY_WINDOW_FRAMES } from '../../protocol/limits.ts';
import type { App } from '../app.ts';
import { closeConnection } from '../connection/close.ts';
import { pauseAnew, requestOf, stayPaused } from '../connection/pause.ts';
import { forgetGone, sendWithRetry } from '../connection/send.ts';
import { advanceOverReplay } from '../cursor.ts';
import { logged } from '../log-fields.ts';
import type { Head, Subscription } from '../model.ts';
import { keptFor } from './kept.ts';

/**
 * A window takes seconds at most. If a Lambda dies with the lease, the connection's replays wait
 * for this long.
 */
export const LEASE_SECONDS = 30;
/** A window ends this long before its lease, so that its last frame is posted under the lease. */
const LEASE_MARGIN_MS = 10_000;

/** How soon the log is read again where an append is under way. */
const APPENDING_DELAY_SECONDS = 1;

export interface ReplayOptions {
  /** Replay what follows this seq. */
  after: number;
  deadlineAt: number;
  /** Send nothing where nothing was missed, instead of a frame that says so. */
  skipIfNone?: boolean;
  /** As it was read since the subscription is open to live messages. Undefined: it is read now. */
  head?: Head | undefined;
  /** Held already. It is given back. */
  lease?: Lease | undefined;
}

/** Lets one replay at a time run for a subscription. */
export interface Lease {
  holder: string;
  until: number;
}

/** A new one. It counts when the store has taken it. */
export const newLease = ({ ids, clock }: App): Lease & { now: number } => {
  const now = clock.now();
  return { holder: ids.next(), now, until: now + LEASE_SECONDS * 1000 };
};

/**
 * - `caught_up`: the client accepted everything up to the head.
 * - `window`: the client accepted a whole window, and more follows.
 * - `cut_short`: the client accepted a part of a window, then our time ran out.
 * - `merged`: another replay is under way, and brings what was asked for.
 * - `stopped`: the connection takes no more for now or for ever, or an append is under way.
 */
export interface Replayed {
  end: 'caught_up' | 'window' | 'cut_short' | 'merged' | 'stopped';
  /** Everything up to here was accepted. */
  through: number;
}

/**
 * Replays one window of what follows `after`.
 * - In ack mode `client` the client goes on with a `sync`.
 * - In mode `auto` the accepted window moves the cursor, and another reconcile goes on: in between,
 *   other connections are served.
 * - If another replay is under way, writes on the row what is wanted and leaves the rest to that
 *   replay.
 */
export async function replay(
  app: App,
  subscription: Subscription,
  options: ReplayOptions,
): Promise<Replayed> {
  const { after, skipIfNone, lease: held } = options;
  const head = options.head ?? (await app.log.open(subscription.channel, subscription));
  if (held) return await replayUnder(app, subscription, head, options, held);
  if (after >= head.seq) {
    return skipIfNone
      ? { end: 'caught_up', through: after }
      : await sendWindow(app, subscription, head, options);
  }
  const lease = newLease(app);
  const begun = await app.subscriptions.beginReplay(subscription, { ...lease, after });
  if (begun === 'begun') return await replayUnder(app, subscription, head, options, lease);
  // Should the holder of the lease have died, nobody else would come back for this one.
  if (begun === 'wanted') await app.later.reconcile(requestOf(subscription, after), LEASE_SECONDS + 1);
  return { end: 'merged', through: after };
}

async function replayUnder(
  app: App,
  subscription: Subscription,
  head: Head,
  options: ReplayOptions,
  { holder, until }: Lease,
): Promise<Replayed> {
  const { ackMode } = subscription;
  let replayed: Replayed = { end: 'stopped', through: options.after };
  try {
    const deadlineAt = Math.min(options.deadlineAt, until - LEASE_MARGIN_MS);
    replayed = await sendWindow(app, subscription, head, { ...options, deadlineAt });
    return replayed;
  } finally {
    const { end, through } = replayed;
    const goesOn = end === 'cut_short' || (end === 'window' && ackMode === 'auto');
    await app.subscriptions.endReplay(subscription, { holder, through, goesOn, requestId: app.ids.next() });
  }
}

async function sendWindow(
  app: App,
  subscription: Subscription,
  head: Head,
  { after, deadlineAt }: ReplayOptions,
): Promise<Replayed> {
  const { ackMode, channel } = subscription;
  let through = Math.min(after, head.seq);
  let frames = 0;
  const ended = async (end: Replayed['end']): Promise<Replayed> => {
    if (ackMode === 'auto' && through > after)
      await advanceOverReplay(app, subscription, { epoch: head.epoch, seq: through }, after);
    return { end, through };
  };

  for await (const frame of missed(app, subscription, head, through)) {
    const outcome = await sendWithRetry(app, subscription, frame);
    if (outcome !== 'sent') {
      const stopped = await ended('stopped');
      if (outcome === 'expired') await closeConnection(app, subscription, 'token_expired');
      else if (outcome === 'gone') await forgetGone(app, subscription);
      else if (frames > 0) await pauseAnew(app, subscription, through);
      else await stayPaused(app, subscription, through);
      return stopped;
    }
    frames += 1;
    through = frame.through;
    logReplayed(app, subscription, frame);
    if (frame.more && frames === REPLAY_WINDOW_FRAMES) return await ended('window');
    if (frame.more && app.clock.now() >= deadlineAt) return await ended('cut_short');
  }
  if (through >= head.seq) return await ended('caught_up');

  app.logger.info('append under way', { ...logged(subscription), channel: channel.name, seq: through + 1 });
  await app.later.reconcile({ ...requestOf(subscription), after: through }, APPENDING_DELAY_SECONDS);
  return await ended('stopped');
}

/** `catchUpMs`: of a connection's first replay, if it needed no `sync` to go on. */
function logReplayed(
  { logger, clock }: App,
  subscription: Subscription,
  { channel, messages, expired, after, through, more }: ReplayFrame<JsonText>,
): void {
  const caughtUp = !more && subscription.readyAt === undefined;
  logger.metrics(
    {
      replayed: messages.length,
      expired,
      ...(caughtUp && { catchUpMs: clock.now() - subscription.connectedAt }),
    },
    'replayed',
    { ...logged(subscription), deviceId: subscription.deviceId, channel, after, through },
  );
}

/**
 * The replay frames, at least one; reads the next page when the caller has taken the frames of the
 * page before. Where an append is under way, the frames end before it, and there may be none.
 */
async function* missed(
  app: App,
  { userId, deviceId, dialect, channel }: Subscription,
  head: Head,
  after: number,
): AsyncGenerator<ReplayFrame<JsonText>> {
  const { name } = channel;
  const hearer = { userId, deviceId };
  let settled = after;
  do {
    const page = await app.log.read(channel, settled, head);
    if (page.through === settled && settled < head.seq) return;
    const { through } = page;
    const kept = keptFor(page.messages, hearer);
    const range = { channel: name, epoch: head.epoch, head: head.seq, after: settled, through, kept };
    yield* app.cutReplay(dialect, range);
    settled = through;
  } while (settled < head.seq);
}
