/**
 * Posts a committed message to everybody who hears its channel but the origin. What is too many for
 * one publish goes to the fan-out queue.
 */

import { ahead, allEnded, mapAsTheyCome, mapConcurrently } from '../../concurrency.ts';
import { messageFrame, type OutgoingFrame } from '../../protocol/frames.ts';
import type { App } from '../app.ts';
import { traitsOf } from '../connection/client-traits.ts';
import { markSubscriberForClose } from '../connection/close.ts';
import { passBy, pause } from '../connection/pause.ts';
import { forgetGone, sendWithRetry } from '../connection/send.ts';
import { advanceOntoMessage } from '../cursor.ts';
import { asError } from '../errors.ts';
import { withdrawnSeqs } from '../log/withdrawal.ts';
import { logged } from '../log-fields.ts';
import { ownSubscription, type Stored, type Subscription } from '../model.ts';
import { isExcluded, originTabFor } from '../origin.ts';
import { ALL_SUBSCRIBERS } from '../ports/subscription-store.ts';
import { type LeftOver, leftOver } from './ranges.ts';

/**
 * Posts at once for one message to one channel: as many as our HTTP client keeps connections to API
 * Gateway.
 */
export const CONCURRENT_POSTS = 64;

/**
 * Few users have more connections than this. A smaller page would cost a user with many connections
 * a second look-up.
 */
const LOOKED_UP_AT_ONCE = 128;

/**
 * What became of a message on one connection.
 * - `excluded`: it is the origin device's, the message is of before its user joined the topic, or
 *   its client hears only what it subscribes to.
 * - `deferred`: a replay will bring the message, because the connection is not ready yet or takes
 *   no frames for now.
 * - `refused`: the same, found out by a post.
 */
export type Delivery = 'sent' | 'excluded' | 'gone' | 'deferred' | 'refused';

/**
 * How many connections were served, and what became of the message on each; what was refused is
 * deferred.
 */
export interface Deliveries extends Record<Exclude<Delivery, 'refused'> | 'connections', number> {
  /** About how many more the fan-out will serve. */
  queued: number;
}

/** A message on its way to whoever hears its channel. */
export interface LiveMessage extends Stored {
  /** The same value for all connections, so that the frame is encoded once. */
  frame: OutgoingFrame;
  /** When its publisher asked. */
  publishedAt: number;
  /** Whether a line is logged for each connection. */
  traced: boolean;
  /** From the publisher's request to each accepted post, so far. */
  postMs: number[];
}

/** What is known of a publish besides its message. */
export type PublishContext = Pick<LiveMessage, 'publishedAt' | 'traced'>;

export const toLive = (stored: Stored, { publishedAt, traced }: PublishContext): LiveMessage => ({
  ...stored,
  frame: liveFrame(stored),
  publishedAt,
  traced,
  postMs: [],
});

function liveFrame({ channel: { name }, message }: Stored): OutgoingFrame {
  const seqs = withdrawnSeqs(message);
  if (seqs === undefined) return messageFrame(name, message);
  return { event: 'withdrawn', channel: name, seq: message.seq, seqs };
}

/**
 * Rejects only when the connections, or the rest of them, cannot be looked up or queued: what fails
 * on one connection stays with that connection.
 */
export async function deliver(app: App, stored: Stored, context: PublishContext): Promise<Deliveries> {
  const live = toLive(stored, context);
  try {
    return await deliverLive(app, live);
  } finally {
    reportPosts(app, live);
  }
}

/** One line for all posts of a message: a line each would cost as much as the posts. */
export function reportPosts({ logger }: App, { postMs }: LiveMessage): void {
  if (postMs.length > 0) logger.metrics({ postMs });
}

async function deliverLive(app: App, live: LiveMessage): Promise<Deliveries> {
  const { channel } = live;
  if (channel.kind === 'user') {
    const outcomes = await mapAsTheyCome(ownAudience(app, channel.owner), CONCURRENT_POSTS, (subscription) =>
      deliverTo(app, subscription, live),
    );
    return counted(outcomes, 0);
  }
  const page = await app.subscriptions.page(channel, ALL_SUBSCRIBERS, app.settings.fanOutPage);
  const rest: LeftOver = leftOver(page);
  const [outcomes] = await allEnded([
    mapConcurrently(page.subscriptions, CONCURRENT_POSTS, (subscription) =>
      deliverTo(app, subscription, live),
    ),
    queue(app, live, rest),
  ]);
  return counted(outcomes, rest.estimate);
}

async function queue(
  app: App,
  { channel, epoch, message: { seq }, publishedAt, traced }: LiveMessage,
  { ranges }: LeftOver,
): Promise<void> {
  if (ranges.length === 0) return;
  await app.fanOut.send(ranges.map((range) => ({ ...range, channel, epoch, seq, publishedAt, traced })));
}

function counted(outcomes: Delivery[], queued: number): Deliveries {
  const count = (delivery: Delivery) => outcomes.filter((outcome) => outcome === delivery).length;
  return {
    connections: outcomes.length,
    sent: count('sent'),
    excluded: count('excluded'),
    gone: count('gone'),
    deferred: count('deferred') + count('refused'),
    queued,
  };
}

/**
 * The connections of a user, except those being closed. Looks up the next page while the page
 * before is posted to.
 */
async function* ownAudience({ connections }: App, userId: string): AsyncGenerator<Subscription, void> {
  for await (const page of ahead(connections.pages(userId, LOOKED_UP_AT_ONCE)))
    for (const connection of page) if (connection.bye === undefined) yield ownSubscription(connection);
}

/** Never rejects. */
export async function deliverTo(app: App, subscription: Subscription, live: LiveMessage): Promise<Delivery> {
  try {
    const delivery = await tryDelivery(app, subscription, live);
    if (delivery !== 'sent') logDelivery(app, subscription, live, delivery);
    return delivery;
  } catch (error) {
    const { seq } = live.message;
    app.logger.error('delivery failed', { ...logged(subscription), seq, error: asError(error) });
    await askForReplay(app, subscription, live);
    return 'deferred';
  }
}

async function tryDelivery(app: App, subscription: Subscription, live: LiveMessage): Promise<Delivery> {
  const { message } = live;
  if (isExcluded(message, subscription) || isEarlier(live, subscription)) return 'excluded';
  if (!traitsOf(subscription.dialect).sorts) return await deliverInOrder(app, subscription, live);
  if (subscription.paused) await passBy(app, subscription, message.seq);
  if (subscription.paused || subscription.readyAt === undefined) return 'deferred';
  switch (await sendWithRetry(app, subscription, frameFor(subscription, live))) {
    case 'sent':
      live.postMs.push(app.clock.now() - live.publishedAt);
      logDelivery(app, subscription, live, 'sent');
      if (subscription.ackMode === 'auto') await settle(app, subscription, live);
      return 'sent';
    case 'gone':
      await forgetGone(app, subscription);
      return 'gone';
    case 'expired':
      await markSubscriberForClose(app, subscription, 'token_expired');
      return 'gone';
    default:
      await pause(app, subscription, message.seq - 1);
      return 'refused';
  }
}

/**
 * Delivers to a client that cannot put messages in order (STOMP). If the message is the next one
 * for the connection, the publisher sends it. Else it announces the channel, and a pump sends it.
 */
async function deliverInOrder(app: App, subscription: Subscription, stored: Stored): Promise<Delivery> {
  const { connectionId } = subscription;
  const { channel } = stored;
  const { deliverNext } = (await app.loadPump?.()) ?? {};
  const delivery = await deliverNext?.(app, subscription, stored);
  if (delivery) return delivery;
  if (await app.subscriptions.announce(connectionId, channel.name, app.ids.next())) return 'deferred';
  await forgetGone(app, subscription);
  return 'gone';
}

/**
 * Whether a message is of before the subscription began: its publisher repeated the request since,
 * or the fan-out did, or the user joined while it was delivered.
 */
const isEarlier = ({ epoch, message }: Stored, { startsAt }: Subscription): boolean =>
  startsAt?.epoch === epoch && message.seq <= startsAt.seq;

/** The device of the tab that caused the message is told which tab it was. */
function frameFor(subscription: Subscription, { channel, message, frame }: LiveMessage): OutgoingFrame {
  const tab = originTabFor(message, subscription);
  return tab === undefined ? frame : messageFrame(channel.name, message, tab);
}

/**
 * After a fault of the stores the message is in the log, and the device's cursor stands before it:
 * asks for a replay, which brings the message. If that request fails, too, the next message finds
 * the cursor behind and asks again. Never rejects.
 */
async function askForReplay(
  app: App,
  subscription: Subscription,
  { message: { seq } }: Stored,
): Promise<void> {
  try {
    // An anonymous device has no cursor: its replay must begin before this message.
    const after = subscription.deviceId === undefined ? seq - 1 : undefined;
    await app.subscriptions.requestReconcile(subscription, app.ids.next(), after);
  } catch (error) {
    app.logger.error('replay not requested', { ...logged(subscription), seq, error: asError(error) });
  }
}

/**
 * One line for each connection, so that an operator can follow a message by its channel and seq.
 */
function logDelivery(
  { logger }: App,
  subscription: Subscription,
  { channel, message: { seq, id }, traced }: LiveMessage,
  delivery: Delivery,
): void {
  if (!traced) return;
  const { deviceId, ackMode } = subscription;
  const fields = { ...logged(subscription), deviceId, channel: channel.name, seq, id, delivery, ackMode };
  logger.info(delivery === 'sent' ? 'delivered' : 'not delivered', fields);
}

/** Acknowledges on behalf of an `auto` device. */
async function settle(app: App, subscription: Subscription, stored: Stored): Promise<void> {
  const { userId, connectionId, deviceId } = subscription;
  if (deviceId === undefined) return;
  const settled = await advanceOntoMessage(app, { userId, connectionId, deviceId }, stored);
  if (!settled) await app.subscriptions.requestReconcile(subscription, app.ids.next());
}
