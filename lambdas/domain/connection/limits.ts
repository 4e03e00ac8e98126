/** How many connections a device and a user may have, and which have to go. */
import type { ByeCode } from '../../protocol/errors.ts';
import type { App } from '../app.ts';
import { logged } from '../log-fields.ts';
import type { Connection } from '../model.ts';
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
 * 1. Of each device only the newest stays.
 * 2. Of these devices only the newest `limit` stay.
 * 3. A newest connection that takes over by hand-over displaces nothing before it is ready, and
 *    counts once together with the connection it takes over from.
 * 4. Connections of one device share a cursor. So there is no hand-over to another ack mode: the
 *    `auto` connection would move the cursor past what the client of the other has not processed.
 *
 * Safe when several open at once: each writes its row first, so the last one to list the rows sees
 * them all, and any of them judges alike.
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
