/** Opens a connection: its row is written before the socket opens, and the connections it displaces are dismissed. */
import type { ByeCode } from '../protocol/errors.ts';
import type { App } from './app.ts';
import { wholeSeconds } from './append.ts';
import { dismiss, logged } from './goodbye.ts';
import type { Connection } from './ports.ts';

/** A socket lives at most two hours; its row a little longer, should nobody delete it. */
const ROW_LIFETIME_MS = 130 * 60_000;

export type NewConnection = Omit<Connection, 'endpoint' | 'readyAt' | 'bye' | 'expiresAt'>;

/** After this the stream drives the `ready` frame and the replay. Rejects with nothing left behind. */
export async function connect(app: App, opening: NewConnection): Promise<void> {
  const connection: Connection = {
    ...opening,
    endpoint: app.settings.callbackUrl,
    readyAt: undefined,
    bye: undefined,
    expiresAt: wholeSeconds(opening.connectedAt + ROW_LIFETIME_MS),
  };
  try {
    await app.connections.add(connection, app.ids.next());
    const all = await app.connections.list(connection.userId);
    for (const { connection: displaced, code } of displacedBy(all, app.settings.maxConnectionsPerUser)) {
      await dismiss(app, displaced, code);
      app.logger.info('displaced', { ...logged(displaced), code, by: connection.connectionId });
    }
  } catch (error) {
    // The handshake fails, so no socket will ever belong to the row. What is left of it would lapse by itself.
    await app.connections.remove(connection).catch(() => undefined);
    throw error;
  }
}

/**
 * Which of a user's connections have to go: all but the newest of each device, then the oldest beyond the limit. Of
 * several that open at once the last to look sees them all and judges alike, whichever it is itself.
 */
export function displacedBy(
  connections: Connection[],
  limit: number,
): { connection: Connection; code: ByeCode }[] {
  const newestFirst = connections.filter(({ bye }) => bye === undefined).sort(byAge);
  const devices = new Set<string>();
  const replaced: Connection[] = [];
  const kept: Connection[] = [];
  for (const connection of newestFirst) {
    const { deviceId } = connection;
    (deviceId !== undefined && devices.has(deviceId) ? replaced : kept).push(connection);
    if (deviceId !== undefined) devices.add(deviceId);
  }
  return [
    ...replaced.map((connection) => ({ connection, code: 'replaced' as const })),
    ...kept.slice(limit).map((connection) => ({ connection, code: 'too_many_connections' as const })),
  ];
}

/** Newest first; the id decides between two of the same millisecond. */
const byAge = (one: Connection, other: Connection): number =>
  other.connectedAt - one.connectedAt || (other.connectionId < one.connectionId ? -1 : 1);
