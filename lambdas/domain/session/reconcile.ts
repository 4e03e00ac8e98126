/** Brings a connection to where its state says it should be: closed, or ready and caught up. */
import type { App } from '../app.ts';
import { closeConnection } from '../connection/close.ts';
import { enforceConnectionLimits } from '../connection/limits.ts';
import { stayPaused } from '../connection/pause.ts';
import {
  delaySecondsOf,
  forgetGone,
  isExpired,
  mayBeOpening,
  OPENING_DELAY,
  sendWithRetry,
} from '../connection/send.ts';
import { findStart } from '../cursor.ts';
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
  if (connection === undefined) return;
  if (connection.bye) return await closeConnection(app, connection, connection.bye);
  if (isExpired(app, connection)) return await closeConnection(app, connection, 'token_expired');

  const subscription = ownSubscription(connection);
  const head = await app.log.open(subscription.channel);
  const cursor = await findStart(app, subscription, head);
  if (connection.readyAt === undefined && !(await sendReady(app, subscription, head, cursor))) return;
  // In each reconcile, not only after `ready`: the reconcile that sent `ready` may have failed
  // before this.
  if (connection.handover) await enforceConnectionLimits(app, connection.userId);
  // The replay reads the head anew: a publisher that has not seen this connection ready has moved
  // the head by now.
  const after = startOf(connection, head, request.after, cursor);
  const { end, through } = await replay(app, subscription, { after, deadlineAt });
  if (!connection.paused || end === 'stopped' || end === 'merged') return;
  if (!(await app.connections.resume(connection, connection.paused))) {
    return await stayPaused(app, connection, after);
  }
  // Once more, for a publisher that found the connection still paused: it has moved the head by
  // now.
  if (end !== 'caught_up') return;
  const resumed = { ...subscription, connection: { ...connection, paused: undefined } };
  await replay(app, resumed, { after: through, deadlineAt, skipIfNone: true });
}

const lookAgain = (app: App, connection: Connection): Promise<void> => {
  const { userId, connectionId } = connection;
  const delaySeconds = delaySecondsOf(app, connection, OPENING_DELAY);
  return app.later.reconcile({ userId, connectionId, after: undefined }, delaySeconds);
};

/**
 * An anonymous device has no cursor.
 * - The pause of the connection knows what the device lacks.
 * - Else the device lacks what was published since it was ready: a fault of the store may have come
 *   between that and its replay.
 */
function startOf(
  { paused, startsAt }: Connection,
  { epoch }: Head,
  asked: number | undefined,
  cursor: number,
): number {
  if (paused?.after !== undefined) return Math.min(paused.after, asked ?? paused.after);
  return asked ?? (startsAt?.epoch === epoch ? startsAt.seq : cursor);
}

/** An anonymous device hears what follows the head, and may not ask for more. */
const startOfAnonymous = ({ deviceId }: Connection, { epoch, seq }: Head): Position | undefined =>
  deviceId === undefined ? { epoch, seq } : undefined;

/**
 * Sends `ready` until the gateway accepts it, then opens the connection to live messages: a
 * publisher that found it not ready has committed before, so the log read that follows sees its
 * message. False: there is nothing to replay to.
 */
async function sendReady(
  app: App,
  { connection, channel }: Subscription,
  head: Head,
  cursor: number,
): Promise<boolean> {
  const { connectionId, userId, deviceId = null } = connection;
  const { epoch, seq } = head;
  const outcome = await sendWithRetry(app, connection, {
    event: 'ready',
    connectionId,
    userId,
    deviceId,
    channel: channel.name,
    epoch,
    head: seq,
    cursor,
    serverAt: app.clock.now(),
  });
  switch (outcome) {
    case 'sent':
      await app.connections.markReady(connection, app.clock.now(), startOfAnonymous(connection, head));
      app.logger.info('ready', { ...logged(connection), cursor, head: seq });
      app.logger.metrics({
        connected: 1,
        connectToReadyMs: app.clock.now() - connection.connectedAt,
        cursorLag: Math.max(0, seq - cursor),
      });
      return true;
    case 'expired':
      await closeConnection(app, connection, 'token_expired');
      return false;
    case 'gone':
      // The handshake is not over yet.
      if (mayBeOpening(app, connection)) await lookAgain(app, connection);
      else await forgetGone(app, connection);
      return false;
    default:
      await stayPaused(app, connection, cursor);
      return false;
  }
}
