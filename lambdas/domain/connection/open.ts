/** Opens a connection: its row is written before the socket opens, and the connections it displaces are dismissed. */
import type { ByeCode } from '../../protocol/errors.ts';
import type { App } from '../app.ts';
import { wholeSeconds } from '../log/append.ts';
import type { Connection } from '../ports.ts';
import { logged, markForClose } from './close.ts';

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
    await enforceConnectionLimits(app, connection.userId);
  } catch (error) {
    // The handshake fails, so no socket will ever belong to the row. What is left of it would lapse by itself.
    await app.connections.remove(connection).catch(() => undefined);
    throw error;
  }
}

/** Dismisses the connections of a user that have to go. */
export async function enforceConnectionLimits(app: App, userId: string): Promise<void> {
  const all = await app.connections.list(userId);
  for (const { connection, code } of connectionsToClose(all, app.settings.maxConnectionsPerUser)) {
    await markForClose(app, connection, code);
    app.logger.info('displaced', { ...logged(connection), code });
  }
}

/**
 * Which of a user's connections have to go: what is older than a device's newest, then the oldest beyond the limit. A
 * newest that takes over by hand-over displaces nothing before it is ready, and counts once with the one it takes over from. Of several that open at
 * once the last to look sees them all and judges alike, whichever it is itself.
 */
export function connectionsToClose(
  connections: Connection[],
  limit: number,
): { connection: Connection; code: ByeCode }[] {
  const counted = new Map<string, Connection>();
  const served = new Set<string>();
  const replaced: Connection[] = [];
  for (const connection of connections.filter(({ bye }) => bye === undefined).sort(byAge)) {
    // An anonymous connection is a device of its own; no device id looks like a connection id.
    const device = connection.deviceId ?? connection.connectionId;
    if (served.has(device)) replaced.push(connection);
    else if (!counted.has(device)) counted.set(device, connection);
    if (!connection.handover || connection.readyAt !== undefined) served.add(device);
  }
  return [
    ...replaced.map((connection) => ({ connection, code: 'replaced' as const })),
    ...[...counted.values()]
      .slice(limit)
      .map((connection) => ({ connection, code: 'too_many_connections' as const })),
  ];
}

/** Newest first; the id decides between two of the same millisecond. */
const byAge = (one: Connection, other: Connection): number =>
  other.connectedAt - one.connectedAt || (other.connectionId < one.connectionId ? -1 : 1);
