/** The connections in memory. */
import type { Connection, ConnectionKey } from '../../lambdas/domain/model.ts';
import type { ConnectionStore } from '../../lambdas/domain/ports.ts';
import { parseChannel } from '../../lambdas/protocol/channel.ts';
import { subscriptionOf } from './memory-subscription-store.ts';
import { createMemoryTables, idOf, type MemoryTables, newRow, ownKey } from './memory-tables.ts';

export function createMemoryConnectionStore(
  now: () => number,
  tables: MemoryTables = createMemoryTables(),
): ConnectionStore {
  const { connections: rows, subscriptions } = tables;
  const find = ({ userId, connectionId }: ConnectionKey) => rows.get(idOf(userId, connectionId));
  const isLive = ({ expiresAt }: Connection) => expiresAt > now();

  const removeSubscriptions = ({ connectionId }: ConnectionKey, channels: Iterable<string>) => {
    for (const channel of channels) subscriptions.delete(idOf(channel, connectionId));
  };

  const liveOf = (userId: string): Connection[] =>
    [...rows.values()]
      .map(({ value }) => value)
      .filter((connection) => connection.userId === userId && isLive(connection))
      .map(copyOf);

  return {
    async add(connection, requestId) {
      for (const name of connection.channels) {
        const channel = parseChannel(name);
        const id = idOf(name, connection.connectionId);
        if (channel === undefined || subscriptions.has(id)) continue;
        subscriptions.set(id, newRow(subscriptionOf(connection, channel, { permitted: true })));
      }
      if (find(connection)) return;
      const row = newRow(copyOf(connection));
      rows.set(idOf(connection.userId, connection.connectionId), row);
      tables.ask(row, ownKey(connection), requestId);
    },

    async find(key) {
      const connection = find(key)?.value;
      return connection && isLive(connection) ? copyOf(connection) : undefined;
    },

    async list(userId) {
      return liveOf(userId);
    },

    async *pages(userId, limit) {
      let last = '';
      for (;;) {
        const rest = liveOf(userId)
          .filter(({ connectionId }) => connectionId > last)
          .sort((one, other) => (one.connectionId < other.connectionId ? -1 : 1));
        yield rest.slice(0, limit);
        if (rest.length <= limit) return;
        last = rest[limit - 1]?.connectionId ?? '';
      }
    },

    async remove(key) {
      const row = find(key);
      rows.delete(idOf(key.userId, key.connectionId));
      removeSubscriptions(key, row?.value.channels ?? key.channels ?? []);
    },

    async markClosing(key, code, requestId) {
      const row = find(key);
      if (!row) return;
      row.value.bye ??= code;
      tables.ask(row, ownKey(key), requestId);
      removeSubscriptions(key, row.value.channels);
    },
  };
}

const copyOf = (connection: Connection): Connection => ({
  ...connection,
  channels: new Set(connection.channels),
});
