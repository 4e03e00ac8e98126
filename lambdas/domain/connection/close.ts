/** Closes a connection for a reason its client is told: first the row is marked, so that nobody posts to it any more. */
import type { ByeCode } from '../../protocol/errors.ts';
import { byeFrame } from '../../protocol/frames.ts';
import type { App } from '../app.ts';
import { Undeliverable } from '../errors.ts';
import { logged } from '../log-fields.ts';
import type { Connection, ConnectionKey } from '../model.ts';
import { mayBeOpening, withRetry } from './send.ts';

/** Marks a connection and leaves the rest to the stream: it works also while the connection is still opening. */
export const markForClose = (app: App, key: ConnectionKey, code: ByeCode): Promise<void> =>
  app.connections.markClosing(key, code, app.ids.next());

/**
 * Says why, closes, and forgets a connection. One that is still opening is asked again through the
 * stream until it is no longer young. Rejects with {@link Undeliverable} when it is there and cannot
 * be closed.
 */
export async function closeConnection(app: App, connection: Connection, code: ByeCode): Promise<void> {
  await withRetry(app, connection, () => app.gateway.post(connection, byeFrame(code)));
  const closed = await app.gateway.close(connection);
  app.logger.info('goodbye', { ...logged(connection), code, closed });

  if (closed === 'gone' && mayBeOpening(app, connection)) {
    await app.connections.requestReconcile(connection, app.ids.next());
  } else if (closed === 'sent' || closed === 'gone') {
    await app.connections.remove(connection);
  } else {
    throw new Undeliverable(`${connection.connectionId}: cannot be closed: ${closed}`);
  }
}
