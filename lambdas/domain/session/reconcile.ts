/**
 * Brings a connection to where its state says it should be: closed, or ready and caught up in every
 * channel that it hears.
 */

import { mapConcurrently } from '../../concurrency.ts';
import type { App } from '../app.ts';
import { heardBy } from '../channel/initial.ts';
import { subscribedFrame } from '../channel/subscribe.ts';
import { traitsOf } from '../connection/client-traits.ts';
import { closeConnection } from '../connection/close.ts';
import { isAccepted, lookAgain } from '../connection/first-frame.ts';
import { enforceConnectionLimits } from '../connection/limits.ts';
import { delaySecondsOf, isExpired, OPENING_DELAY, sendWithRetry } from '../connection/send.ts';
import { tellReadState } from '../inbox/read-state.ts';
import { logged } from '../log-fields.ts';
import { type Connection, type Head, ownSubscription, type Subscription } from '../model.ts';
import type { ReconcileRequest } from '../ports/later.ts';
import { catchUp, startOfReplay } from './catch-up.ts';
import { LEASE_SECONDS } from './replay.ts';
import { isUnderWay, placeOf, start, startOfAnonymous } from './start.ts';

const CONCURRENT_CALLS = 10;

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
  if (request.channel.kind !== 'user') await reconcileOther(app, connection, request, deadlineAt);
  else if (connection.readyAt === undefined) await reconcileNew(app, connection, request, deadlineAt);
  else await reconcileOwn(app, connection, request, deadlineAt);
}

/** For STOMP, where a pump serves the connection: a publisher failed to announce the channel. */
async function announceAgain(app: App, { connectionId, channel }: ReconcileRequest): Promise<void> {
  await app.subscriptions.announce(connectionId, channel.name, app.ids.next());
}

/** The connection is gone; its subscription may have been left over. */
async function forgetLeftOver(app: App, request: ReconcileRequest): Promise<void> {
  if (request.channel.kind !== 'user') await app.subscriptions.remove(request);
}

async function reconcileNew(
  app: App,
  connection: Connection,
  request: ReconcileRequest,
  deadlineAt: number,
): Promise<void> {
  // `ready` tells what is read, and others start the connection: a start of this request could be
  // taken for another one when it is looked after.
  if (request.readState) return await lookAfterStart(app, connection, request);
  const { startId } = request;
  const afterOf = (head: Head, cursor: number) =>
    startOfReplay(ownSubscription(connection), head, request.after, cursor);
  const isOthers = isUnderWay(app, connection) && connection.start?.by !== startId;
  if (!isOthers && (await start(app, connection, { startId, afterOf, deadlineAt }))) return;
  await lookAfterStart(app, connection, request);
}

/**
 * Another starts the connection. A start is looked after when the lease must have lapsed, since
 * nobody would come back for it if its Lambda died; what else was asked for, when the start should
 * be over.
 */
async function lookAfterStart(app: App, connection: Connection, request: ReconcileRequest): Promise<void> {
  const delaySeconds =
    request.startId === undefined ? delaySecondsOf(app, connection, OPENING_DELAY) : LEASE_SECONDS + 1;
  await app.later.reconcile(request, delaySeconds);
}

async function reconcileOwn(
  app: App,
  connection: Connection,
  request: ReconcileRequest,
  deadlineAt: number,
): Promise<void> {
  const subscription = ownSubscription(connection);
  // Asked for by whoever changed the state while the connection was opening.
  if (request.readState && !subscription.paused)
    return await tellReadState(app, connection, await app.log.open(subscription.channel, connection));
  if (request.startId !== undefined) {
    const { by, until } = connection.start ?? {};
    const isOthers = by !== request.startId;
    // Its client has started it: nothing is left to do.
    if (isOthers && until === undefined) return;
    if (isOthers && isUnderWay(app, connection)) return await lookAfterStart(app, connection, request);
    // Whoever started it failed on the way.
    await catchUpOthers(app, connection);
  }
  // In each reconcile, not only after `ready`: the reconcile that sent `ready` may have failed
  // before this.
  if (connection.handover) await enforceConnectionLimits(app, connection.userId);
  const place = await placeOf(app, subscription);
  if (place === undefined) return;
  const { head, cursor } = place;
  const after = startOfReplay(subscription, head, request.after, cursor);
  const isResumed = await catchUp(app, subscription, { after, deadlineAt });
  // While it was paused it was told nothing.
  if (isResumed) await tellReadState(app, connection, head);
}

/** What a connection hears besides its user's own channel. */
async function catchUpOthers(app: App, connection: Connection): Promise<void> {
  const { userId, connectionId } = connection;
  await mapConcurrently(heardBy(connection), CONCURRENT_CALLS, ({ channel }) =>
    app.subscriptions.requestReconcile({ channel, userId, connectionId }, app.ids.next()),
  );
}

async function reconcileOther(
  app: App,
  connection: Connection,
  request: ReconcileRequest,
  deadlineAt: number,
): Promise<void> {
  const subscription = await app.subscriptions.find(request);
  if (subscription === undefined) return;
  // The connection must have its `ready` first. `ready` may not list this topic: maybe the user
  // joined after the topics had been looked up.
  if (connection.readyAt === undefined) return await lookAgain(app, subscription);
  const place = await placeOf(app, subscription);
  if (place === undefined) return;
  const { head, cursor } = place;
  if (subscription.readyAt === undefined && !(await sendSubscribed(app, subscription, head, cursor))) return;
  const after = startOfReplay(subscription, head, request.after, cursor);
  await catchUp(app, subscription, { after, deadlineAt, skipIfNone: true });
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
  if (!(await isAccepted(app, subscription, outcome, { cursor }))) return false;
  const startsAt = startOfAnonymous(subscription, { epoch, seq: cursor });
  await app.subscriptions.markReady(subscription, app.clock.now(), startsAt);
  app.logger.info('subscribed', { ...logged(subscription), channel: channel.name, cursor, head: seq });
  return true;
}
