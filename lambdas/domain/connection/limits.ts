/** How many connections a device and a user may have, and which have to go. */
import type { ByeCode } from '../../protocol/errors.ts';
import type { App } from '../app.ts';
import { logged } from '../log-fields.ts';
import type { Connection } from '../model.ts';
import { traitsOf } from './client-traits.ts';
import { markForClose } from './close.ts';

/** Marks the connections of a user that have to go. */
export async function enforceConnectionLimits(
  app: Pick<App, 'connections' | 'ids' | 'logger' | 'settings'>,
  userId: string,
): Promise<void> {
  const all = await app.connections.list(userId);
  for (const { connection, code } of connectionsToClose(all, app.settings.maxConnectionsPerUser)) {
    await markForClose(app, connection, code);
    app.logger.info('evicted', { ...logged(connection), code });
  }
}

/**
 * Which of a user's connections have to go:
 * 1. Of each device only the newest connection stays.
 * 2. Of these devices only the newest `limit` stay.
 * 3. A newest connection that takes over by hand-over replaces nothing before it is ready. Until
 *    then it counts once together with the connection that it takes over from.
 * 4. There is no hand-over to another ack mode, since the connections of a device share a cursor.
 *    Example: the new connection is of mode `auto`; its cursor would move past messages that the
 *    client of the older connection has not processed.
 *
 * Safe when several connections open at once. Each writes its row before it lists the rows, so the
 * last to list them sees them all, and all decide alike.
 */
export function connectionsToClose(
  connections: Connection[],
  limit: number,
): { connection: Connection; code: ByeCode }[] {
  const counted = new Map<string, Connection>();
  const served = new Set<string>();
  const replaced: Connection[] = [];
  for (const connection of connections.filter(({ bye }) => bye === undefined).sort(byAge)) {
    // An anonymous connection is a device of its own, and so is one that does not yield; no device
    // id looks like a connection id.
    const { deviceId, connectionId, dialect } = connection;
    const device = traitsOf(dialect).yields ? (deviceId ?? connectionId) : connectionId;
    const newest = counted.get(device);
    if (served.has(device) || (newest && newest.ackMode !== connection.ackMode)) replaced.push(connection);
    else if (newest === undefined) counted.set(device, connection);
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
