/** Brings a connection to where its state says it should be: closed, or ready and caught up. */
import type { App } from '../app.ts';
import { closeConnection } from '../connection/close.ts';
import { enforceConnectionLimits } from '../connection/limits.ts';
import { forgetGone, isExpired, mayBeOpening, send, withRetry } from '../connection/send.ts';
import { findStart } from '../cursor.ts';
import { Undeliverable } from '../errors.ts';
import { logged } from '../log-fields.ts';
import { type ConnectionKey, type Head, ownSubscription, type Subscription } from '../model.ts';
import { replay } from './replay.ts';

/**
 * A function of the stores' current state: run twice, late or at once with another, it sends again
 * at worst. `after`: replay from there instead of the device's cursor. Past `deadlineAt` it stops and
 * asks to be run again.
 */
export async function reconcile(
  app: App,
  key: ConnectionKey,
  after: number | undefined,
  deadlineAt: number,
): Promise<void> {
  const connection = await app.connections.find(key);
  if (connection === undefined) return;
  if (connection.bye) return await closeConnection(app, connection, connection.bye);
  if (isExpired(app, connection)) return await closeConnection(app, connection, 'token_expired');

  const subscription = ownSubscription(connection);
  const head = await app.log.open(subscription.channel);
  const cursor = await findStart(app, subscription, head);
  if (connection.readyAt === undefined && !(await sendReady(app, subscription, head, cursor))) return;
  // It reads the head anew: a publisher that has not seen this connection ready has moved it by now.
  await replay(app, subscription, after ?? cursor, deadlineAt);
}

/**
 * Sends `ready` until the gateway accepts it, then opens the connection to live messages: a publisher
 * that found it not ready has committed before, so the log read that follows sees its message. False:
 * there is nothing to replay to.
 */
async function sendReady(
  app: App,
  { connection, channel }: Subscription,
  head: Head,
  cursor: number,
): Promise<boolean> {
  const { connectionId, userId, deviceId = null } = connection;
  const ready = {
    connectionId,
    userId,
    deviceId,
    channel: channel.name,
    epoch: head.epoch,
    head: head.seq,
    cursor,
  };
  const outcome = await withRetry(app, connection, () =>
    send(app, connection, { event: 'ready', ...ready, serverAt: app.clock.now() }),
  );
  switch (outcome) {
    case 'sent':
      await app.connections.markReady(connection, app.clock.now());
      app.logger.info('ready', { ...logged(connection), cursor, head: head.seq });
      if (connection.handover) await enforceConnectionLimits(app, userId);
      app.logger.metrics({
        connected: 1,
        connectToReadyMs: app.clock.now() - connection.connectedAt,
        cursorLag: Math.max(0, head.seq - cursor),
      });
      return true;
    case 'expired':
      await closeConnection(app, connection, 'token_expired');
      return false;
    case 'gone':
      // Its handshake is not over: come back through the stream, rather than hold up the others of this batch.
      if (mayBeOpening(app, connection)) await app.connections.requestReconcile(connection, app.ids.next());
      else await forgetGone(app, connection);
      return false;
    default:
      throw new Undeliverable(`${connection.connectionId}: ready: ${outcome}`);
  }
}
