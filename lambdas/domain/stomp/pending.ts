/**
 * Sockets that wait for their `CONNECT`: they have no user, so they are bounded by where they come
 * from. A page that connects again after each refusal ends in refused handshakes.
 */
import type { App } from '../app.ts';
import type { PendingKey, PendingSocket, PendingStore } from './sockets.ts';

/** A socket that has not said `CONNECT` by then is closed. */
export const PENDING_MS = 30_000;

export type PendingApp = Pick<App, 'clock' | 'ids' | 'logger' | 'settings'> & { pending: PendingStore };

/** Writes its row before the socket opens. False: there are too many, and nothing is left of it. */
export async function admitPending(app: PendingApp, socket: PendingSocket): Promise<boolean> {
  const { clock, ids, logger, settings, pending } = app;
  const expiresAt = clock.now() + PENDING_MS;
  const { ofAddress, ofPart, parts } = await pending.add(socket, { expiresAt, requestId: ids.next() });
  const { perAddress = 0, inAll = 0 } = settings.stomp ?? {};
  // A part has twice its share, so that few addresses that fall together are no reason to refuse.
  if (ofAddress <= perAddress && ofPart <= Math.max(perAddress, Math.ceil((2 * inAll) / parts))) return true;
  logger.metrics({ stompTurnedAway: 1 }, 'stomp turned away', { ofAddress, ofPart });
  await pending.remove(socket, { evenRefused: true });
  return false;
}

/** Its time is over. A socket that the gateway does not close now is idle, and closed for that. */
export async function reapPending(app: App & { pending: PendingStore }, key: PendingKey): Promise<void> {
  // A socket that has said `CONNECT` has no such row any more.
  if (!(await app.pending.remove(key, { evenRefused: true }))) return;
  await app.gateway.close({ connectionId: key.connectionId, endpoint: app.settings.callbackUrl });
}
