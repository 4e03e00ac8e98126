/**
 * Opens a connection: writes its row before the socket opens, and marks the connections that have
 * to go for it.
 */
import type { App } from '../app.ts';
import { type Connection, EVERYONE } from '../model.ts';
import { wholeSeconds } from '../time.ts';
import { enforceConnectionLimits } from './limits.ts';

/** A socket lives at most two hours; its row a little longer, should nobody delete it. */
const ROW_LIFETIME_MS = 130 * 60_000;

/** When the row of a connection lapses. */
export const lapsesAt = (connectedAt: number): number => wholeSeconds(connectedAt + ROW_LIFETIME_MS);

export type NewConnection = Omit<
  Connection,
  'endpoint' | 'channels' | 'readyAt' | 'startsAt' | 'paused' | 'bye' | 'expiresAt'
>;

/** What opening takes: it writes rows, and the stream does the rest. */
export type OpeningApp = Pick<App, 'connections' | 'clock' | 'ids' | 'logger' | 'settings'>;

/**
 * Writes the row, then the stream reconciles the connection: `ready`, then its replay. When this
 * rejects, it leaves no row behind.
 */
export async function openConnection(app: OpeningApp, opening: NewConnection): Promise<void> {
  const connection: Connection = {
    ...opening,
    endpoint: app.settings.callbackUrl,
    // Its topics come when it is ready: until then nothing is posted to it.
    channels: new Set(app.settings.everyone ? [EVERYONE.name] : []),
    readyAt: undefined,
    startsAt: undefined,
    paused: undefined,
    bye: undefined,
    expiresAt: lapsesAt(opening.connectedAt),
  };
  try {
    await app.connections.add(connection, app.ids.next());
    await enforceConnectionLimits(app, connection.userId);
  } catch (error) {
    // The handshake fails, so no socket will ever belong to the row. What is left of it would lapse
    // by itself.
    await app.connections.remove(connection).catch(() => undefined);
    throw error;
  }
}
