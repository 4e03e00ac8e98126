/**
 * Closes a connection for a reason its client is told: first the row is marked, so that nobody
 * posts to it any more.
 */
import type { ByeCode } from '../../protocol/errors.ts';
import { byeFrame } from '../../protocol/frames.ts';
import type { App } from '../app.ts';
import { logged } from '../log-fields.ts';
import { type ConnectionKey, type Subscription, userChannel } from '../model.ts';
import { type Addressee, delaySecondsOf, mayBeOpening, OPENING_DELAY } from './send.ts';

/** When we try again to close a connection that the gateway did not close. */
const REFUSED_DELAY = { part: 0.25, leastSeconds: 10 };

/**
 * Marks a connection and leaves the rest to the stream. This works also while the connection is
 * still opening.
 */
export const markForClose = (
  app: Pick<App, 'connections' | 'ids'>,
  key: ConnectionKey,
  code: ByeCode,
): Promise<void> => app.connections.markClosing(key, code, app.ids.next());

/**
 * The same, found out by who serves a subscription: the row of its connection may have gone before,
 * without that of the subscription.
 */
export async function markSubscriberForClose(
  app: Pick<App, 'connections' | 'subscriptions' | 'ids'>,
  subscription: Subscription,
  code: ByeCode,
): Promise<void> {
  await markForClose(app, subscription, code);
  if (subscription.channel.kind !== 'user') await app.subscriptions.remove(subscription);
}

/**
 * Sends the `bye`, closes the connection and removes its row. Tries again later if the connection
 * is still opening, or the gateway did not close it.
 */
export async function closeConnection(app: App, connection: Addressee, code: ByeCode): Promise<void> {
  await app.gateway.post(connection, byeFrame(code));
  const closed = await app.gateway.close(connection);
  app.logger.info('goodbye', { ...logged(connection), code, closed });

  const { userId, connectionId } = connection;
  const again = { channel: userChannel(userId), userId, connectionId, after: undefined };
  if (closed === 'gone' && mayBeOpening(app, connection)) {
    await app.later.reconcile(again, delaySecondsOf(app, connection, OPENING_DELAY));
  } else if (closed === 'sent' || closed === 'gone') {
    await app.connections.remove(connection);
  } else {
    await app.later.reconcile(again, delaySecondsOf(app, connection, REFUSED_DELAY));
  }
}
