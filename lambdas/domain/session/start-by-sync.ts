/**
 * A `sync` that a client sends as soon as its socket is open. It starts the connection, before the
 * stream has heard of it; where the stream was faster, the start of the stream answers it.
 */
import type { SyncFrame } from '../../protocol/client-frame.ts';
import type { App } from '../app.ts';
import { asError } from '../errors.ts';
import { logged } from '../log-fields.ts';
import { type Connection, type Head, ownSubscription } from '../model.ts';
import { startOfReplay } from './catch-up.ts';
import { isUnderWay, start } from './start.ts';

/** Between two looks another start has ended. */
const MAX_LOOKS = 4;

export interface FirstSync {
  /** What the client named. Undefined: it begins where the device stands. */
  after: number | undefined;
  deadlineAt: number;
}

/**
 * Starts a connection that is not ready, unless another starts it: then has that one bring what is
 * asked for. Returns the connection if it has become ready meanwhile, and more is asked for than
 * its start may have brought.
 */
export async function startBySync(
  app: App,
  connection: Connection,
  sync: FirstSync,
): Promise<Connection | undefined> {
  const { after } = sync;
  let found: Connection | undefined = connection;
  for (let look = 0; look < MAX_LOOKS; look++) {
    if (!isUnderWay(app, found) && (await startNow(app, found, sync))) return undefined;
    // Whoever starts it begins where the device stands: an anonymous device asks for no more.
    if (after === undefined || connection.deviceId === undefined) return undefined;
    if (await app.connections.wantStartAfter(connection, after)) return undefined;
    found = await app.connections.find(connection);
    if (found === undefined || found.bye !== undefined) return undefined;
    if (found.readyAt !== undefined) return found;
    // So much is wanted already.
    if (isUnderWay(app, found)) return undefined;
  }
  return undefined;
}

async function startNow(app: App, connection: Connection, sync: FirstSync): Promise<boolean> {
  const startId = app.ids.next();
  // An anonymous device may not ask for more than what follows the head.
  const asked = connection.deviceId === undefined ? undefined : sync.after;
  const afterOf = (head: Head, cursor: number) =>
    startOfReplay(ownSubscription(connection), head, asked, cursor);
  try {
    return await start(app, connection, { startId, afterOf, deadlineAt: sync.deadlineAt });
  } catch (error) {
    await leaveToStream(app, connection, { after: sync.after, error });
    return true;
  }
}

/**
 * A fault of the stores came between: nobody repeats this invocation, but the stream repeats its
 * own.
 */
async function leaveToStream(
  app: App,
  connection: Connection,
  { after, error }: { after: number | undefined; error: unknown },
): Promise<void> {
  app.logger.error('start left to the stream', { ...logged(connection), error: asError(error) });
  await app.subscriptions.requestReconcile(ownSubscription(connection), app.ids.next(), after);
}

/**
 * Whether the start of the connection answers a `sync`: its client did not know of `ready` when it
 * sent it, and what it asks for was brought. `receivedAt`: by the gateway.
 */
export function isAnsweredByStart(
  { readyAt, start, deviceId }: Connection,
  sync: Pick<SyncFrame, 'after' | 'first'>,
  receivedAt: number,
): boolean {
  const { after } = sync;
  if (readyAt === undefined || start?.after === undefined) return false;
  if (!sync.first && receivedAt >= readyAt) return false;
  return after === undefined || deviceId === undefined || after >= start.after;
}
