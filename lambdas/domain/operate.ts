/**
 * What an operator or a service may ask about a user: the history, the presence, and to cut the
 * connections.
 */

import { allEnded } from '../concurrency.ts';
import type { App } from './app.ts';
import { closeConnection, markForClose } from './connection/close.ts';
import { asError } from './errors.ts';
import { isWithdrawal } from './log/withdrawal.ts';
import { logged } from './log-fields.ts';
import { type Channel, type Message, userChannel } from './model.ts';

export interface History {
  /** Oldest first, own messages of every device included. */
  messages: Message[];
  /** Read on from here. */
  through: number;
  head: number;
}

export async function history(app: App, channel: Channel, after: number, limit: number): Promise<History> {
  const head = await app.log.head(channel);
  if (head === undefined) return { messages: [], through: 0, head: 0 };
  const page = await app.log.read(channel, after, head);
  const published = page.messages.filter((message) => !isWithdrawal(message));
  const messages = published.slice(0, limit);
  const next = published[limit];
  return {
    messages,
    through: next === undefined ? page.through : next.seq - 1,
    head: head.seq,
  };
}

export interface Presence {
  /** All connections of the user, on the first page; none on the others. */
  connections: { connectionId: string; deviceId: string | null; connectedAt: number }[];
  devices: { deviceId: string; cursor: number; lastSeenAt: number }[];
  /** Where the next page of devices begins. Absent: these were the last. */
  next?: string;
}

/** `page.after`: the `next` of the page before. */
export async function presence(
  app: App,
  userId: string,
  page: { limit: number; after: string | undefined },
): Promise<Presence> {
  const channel = userChannel(userId);
  const [head, connections, { devices, next }] = await allEnded([
    app.log.head(channel),
    page.after === undefined ? app.connections.list(userId) : [],
    app.devices.page(userId, page.limit, page.after),
  ]);
  return {
    ...(next !== undefined && { next }),
    connections: connections
      .filter(({ bye }) => bye === undefined)
      .map(({ connectionId, deviceId = null, connectedAt }) => ({ connectionId, deviceId, connectedAt })),
    devices: devices.map(({ deviceId, cursors, lastSeenAt }) => {
      const cursor = cursors.get(channel.name);
      return { deviceId, cursor: cursor && cursor.epoch === head?.epoch ? cursor.seq : 0, lastSeenAt };
    }),
  };
}

/**
 * Cuts a user's connections, or one device's. From the first write on nothing is posted to them but
 * the `bye`. The stream closes what cannot be closed at once. Returns how many.
 */
export async function revoke(app: App, userId: string, deviceId: string | undefined): Promise<number> {
  const all = await app.connections.list(userId);
  const revoked = all.filter((connection) => deviceId === undefined || connection.deviceId === deviceId);
  await allEnded(revoked.map((connection) => markForClose(app, connection, 'revoked')));
  await allEnded(
    revoked.map(async (connection) => {
      try {
        await closeConnection(app, connection, connection.bye ?? 'revoked');
      } catch (error) {
        app.logger.warn('revoked later', { ...logged(connection), error: asError(error) });
        await markForClose(app, connection, 'revoked');
      }
    }),
  );
  return revoked.length;
}
