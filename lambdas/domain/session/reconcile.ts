/**
 * Brings a connection to where its state says it should be: closed, or ready and caught up in every
 * channel that it hears.
 */

import { allEnded } from '../../concurrency.ts';
import type { ReadState } from '../../protocol/frames.ts';
import type { App } from '../app.ts';
import { beginInitial, type Initial, initialSubscriptions } from '../channel/initial.ts';
import { subscribedFrame } from '../channel/subscribe.ts';
import { traitsOf } from '../connection/client-traits.ts';
import { closeConnection } from '../connection/close.ts';
import { enforceConnectionLimits } from '../connection/limits.ts';
import { requestOf, stayPaused } from '../connection/pause.ts';
import {
  type Addressee,
  delaySecondsOf,
  forgetGone,
  isExpired,
  mayBeOpening,
  OPENING_DELAY,
  sendWithRetry,
} from '../connection/send.ts';
import { findStart, seqIn } from '../cursor.ts';
import { readStateIn, tellReadState } from '../inbox/read-state.ts';
import { logged } from '../log-fields.ts';
import { type Connection, type Head, ownSubscription, type Position, type Subscription } from '../model.ts';
import type { ReconcileRequest } from '../ports.ts';
import { replay } from './replay.ts';

/**
 * A function of the stores' current state: run twice, late or at once with another, it sends again
 * at worst. Past `deadlineAt` it stops and asks to be run again. It rejects only for faults of the
 * stores: what one connection refuses is a state of that connection.
 */
export async function reconcile(app: App, request: ReconcileRequest, deadlineAt: number): Promise<void> {
  const connection = await app.connections.find(request);
  if (connection === undefined) return await forgetLeftOver(app, request);
  if (connection.bye) return await closeConnection(app, connection, connection.bye);
  if (isExpired(app, connection)) return await closeConnection(app, connection, 'token_expired');
  if (!traitsOf(connection.dialect).sorts) return await announceAgain(app, request);
  if (request.channel.kind === 'user') await reconcileOwn(app, connection, request, deadlineAt);
  else await reconcileOther(app, connection, request, deadlineAt);
}

/** A pump serves it; whoever had news for it could not say so. */
async function announceAgain(app: App, { connectionId, channel }: ReconcileRequest): Promise<void> {
  await app.subscriptions.announce(connectionId, channel.name, app.ids.next());
}

/** The connection is gone; its subscription may have been left over. */
async function forgetLeftOver(app: App, request: ReconcileRequest): Promise<void> {
  if (request.channel.kind !== 'user') await app.subscriptions.remove(request);
}

async function reconcileOwn(
  app: App,
  connection: Connection,
  request: ReconcileRequest,
  deadlineAt: number,
): Promise<void> {
  const subscription = ownSubscription(connection);
  const isNew = connection.readyAt === undefined;
  // Asked for by whoever changed the state while the connection was opening.
  if (request.readState && !isNew && !subscription.paused)
    return await tellReadState(app, connection, await app.log.open(subscription.channel));
  const [{ head, cursor }, initial, stored] = await allEnded([
    placeOf(app, subscription),
    isNew ? initialSubscriptions(app, connection) : [],
    isNew ? app.readStates.find(connection.userId) : undefined,
  ]);
  const read = readStateIn(head, stored);
  if (isNew && !(await sendReady(app, connection, { head, cursor, initial, read }))) return;
  // In each reconcile, not only after `ready`: the reconcile that sent `ready` may have failed
  // before this.
  if (connection.handover) await enforceConnectionLimits(app, connection.userId);
  const after = startOf(subscription, head, request.after, cursor);
  const isResumed = await catchUp(app, subscription, after, { deadlineAt });
  // While it was paused it was told nothing.
  if (isResumed) await tellReadState(app, connection, head);
}

async function placeOf(app: App, subscription: Subscription): Promise<{ head: Head; cursor: number }> {
  const head = await app.log.open(subscription.channel);
  const { deviceId, readyAt, startsAt } = subscription;
  // An anonymous device was connected as its user joined: it hears what was published since.
  const began = deviceId === undefined && readyAt === undefined ? seqIn(head, startsAt) : undefined;
  return { head, cursor: began ?? (await findStart(app, subscription, head, startsAt)) };
}

/** What the connection hears besides its user's own channel. */
async function reconcileOther(
  app: App,
  connection: Connection,
  request: ReconcileRequest,
  deadlineAt: number,
): Promise<void> {
  const subscription = await app.subscriptions.find(request);
  if (subscription === undefined) return;
  // Its `ready` comes first. That may have looked for the user's topics before this one was joined.
  if (connection.readyAt === undefined) return await lookAgain(app, subscription);
  const { head, cursor } = await placeOf(app, subscription);
  if (subscription.readyAt === undefined && !(await sendSubscribed(app, subscription, head, cursor))) return;
  const after = startOf(subscription, head, request.after, cursor);
  await catchUp(app, subscription, after, { deadlineAt, skipIfNone: true });
}

/**
 * Replays what follows `after`, and resumes a subscription that was paused. The replay reads the
 * head anew: a publisher that has not seen this subscription ready has moved the head by now.
 * Returns whether it resumed the subscription.
 */
async function catchUp(
  app: App,
  subscription: Subscription,
  after: number,
  options: { deadlineAt: number; skipIfNone?: boolean },
): Promise<boolean> {
  const { end, through } = await replay(app, subscription, { after, ...options });
  if (!subscription.paused || end === 'stopped' || end === 'merged') return false;
  if (!(await app.subscriptions.resume(subscription, subscription.paused))) {
    await stayPaused(app, subscription, after);
    return false;
  }
  // Once more, for a publisher that found the connection still paused: it has moved the head by
  // now.
  if (end !== 'caught_up') return true;
  const resumed = { ...subscription, paused: undefined };
  await replay(app, resumed, { after: through, deadlineAt: options.deadlineAt, skipIfNone: true });
  return true;
}

const lookAgain = (app: App, subscription: Subscription): Promise<void> =>
  app.later.reconcile(requestOf(subscription), delaySecondsOf(app, subscription, OPENING_DELAY));

/**
 * An anonymous device has no cursor.
 * - The pause of the subscription knows what the device lacks.
 * - Else the device lacks what was published since it began: a fault of the store may have come
 *   between that and its replay.
 */
function startOf(
  { paused, startsAt, deviceId }: Subscription,
  head: Head,
  asked: number | undefined,
  cursor: number,
): number {
  if (paused?.after !== undefined) return Math.min(paused.after, asked ?? paused.after);
  return asked ?? (deviceId === undefined ? seqIn(head, startsAt) : undefined) ?? cursor;
}

/** An anonymous device hears what follows the head, and may not ask for more. */
const startOfAnonymous = ({ deviceId }: Addressed, { epoch, seq }: Position): Position | undefined =>
  deviceId === undefined ? { epoch, seq } : undefined;

type Addressed = Addressee & Pick<Subscription, 'deviceId'>;

/** What `ready` tells. */
interface Readiness {
  head: Head;
  cursor: number;
  initial: Initial[];
  read: ReadState;
}

/** Bytes of a `ready` for subscriptions and single seqs, each at its longest. */
const READY_ROOM = 30 * 1024;
const MAX_STATE_BYTES = 256;
const MAX_SEQ_BYTES = 17;

/**
 * Sends `ready` until the gateway accepts it, then opens the connection to live messages: a
 * publisher that found it not ready has committed before, so the log read that follows sees its
 * message. False: there is nothing to replay to.
 */
async function sendReady(
  app: App,
  connection: Connection,
  { head, cursor, initial, read }: Readiness,
): Promise<boolean> {
  const { connectionId, userId, deviceId = null } = connection;
  const subscription = ownSubscription(connection);
  const { epoch, seq } = head;
  const isReadTold = read.seqs.length * MAX_SEQ_BYTES + initial.length * MAX_STATE_BYTES <= READY_ROOM;
  const outcome = await sendWithRetry(app, connection, {
    event: 'ready',
    connectionId,
    userId,
    deviceId,
    channel: subscription.channel.name,
    epoch,
    head: seq,
    cursor,
    subscriptions: initial.map(({ state }) => state),
    ...(isReadTold && { read }),
    serverAt: app.clock.now(),
  });
  if (!(await isAccepted(app, subscription, outcome, cursor))) return false;
  await beginInitial(app, connection, initial);
  // Last: if the Lambda dies before, all of it is done again.
  await app.subscriptions.markReady(subscription, app.clock.now(), startOfAnonymous(connection, head));
  app.logger.info('ready', { ...logged(connection), cursor, head: seq });
  app.logger.metrics({
    connected: 1,
    connectToReadyMs: app.clock.now() - connection.connectedAt,
    cursorLag: Math.max(0, seq - cursor),
  });
  if (!isReadTold) await tellReadState(app, { ...connection, readyAt: app.clock.now() }, head);
  return true;
}

/** Tells a connection what it hears from now on, because its user has joined a topic. */
async function sendSubscribed(
  app: App,
  subscription: Subscription,
  head: Head,
  cursor: number,
): Promise<boolean> {
  const { epoch, seq } = head;
  const { channel } = subscription;
  const outcome = await sendWithRetry(app, subscription, subscribedFrame(channel, head, cursor));
  if (!(await isAccepted(app, subscription, outcome, cursor))) return false;
  const startsAt = startOfAnonymous(subscription, { epoch, seq: cursor });
  await app.subscriptions.markReady(subscription, app.clock.now(), startsAt);
  app.logger.info('subscribed', { ...logged(subscription), channel: channel.name, cursor, head: seq });
  return true;
}

/** False: what was refused is seen to, and there is nothing to replay to. */
async function isAccepted(
  app: App,
  subscription: Subscription,
  outcome: Awaited<ReturnType<typeof sendWithRetry>>,
  cursor: number,
): Promise<boolean> {
  switch (outcome) {
    case 'sent':
      return true;
    case 'expired':
      await closeConnection(app, subscription, 'token_expired');
      return false;
    case 'gone':
      // The handshake is not over yet.
      if (mayBeOpening(app, subscription)) await lookAgain(app, subscription);
      else await forgetGone(app, subscription);
      return false;
    default:
      await stayPaused(app, subscription, cursor);
      return false;
  }
}
