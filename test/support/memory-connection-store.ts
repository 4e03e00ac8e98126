/** The connections in memory. */
import type { Connection, ConnectionKey } from '../../lambdas/domain/model.ts';
import type { ConnectionStore } from '../../lambdas/domain/ports/connection-store.ts';
import { parseChannel } from '../../lambdas/protocol/channel.ts';
import { subscriptionOf } from './memory-subscription-store.ts';
import { createMemoryTables, idOf, type MemoryTables, newRow, ownKey, type Row } from './memory-tables.ts';

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
    [...rows.values()].filter(({ value }) => value.userId === userId && isLive(value)).map(connectionOf);

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
      tables.ask(row, ownKey(connection), requestId, undefined, requestId);
    },

    async find(key) {
      const row = find(key);
      return row && isLive(row.value) ? connectionOf(row) : undefined;
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

    async beginStart(key, { holder, now, until }) {
      const row = find(key);
      if (!row || row.value.readyAt !== undefined || row.value.bye !== undefined) return false;
      if (row.lease && row.lease.until > now && row.lease.holder !== holder) return false;
      row.lease = { holder, until, wanted: row.lease?.wanted };
      row.startedBy = holder;
      row.request = undefined;
      return true;
    },

    async markStarted(key, { by, readyAt, startsAt, after, until }) {
      const row = find(key);
      if (row?.startedBy !== by) return undefined;
      const wanted = row.lease?.wanted;
      row.value.readyAt = readyAt;
      if (startsAt) row.value.startsAt = { ...startsAt };
      row.startedAfter = after;
      row.request = undefined;
      row.lease = until === undefined ? undefined : { holder: by, until, wanted: undefined };
      return { wanted };
    },

    async wantStartAfter(key, after) {
      const row = find(key);
      if (!row?.lease || row.value.readyAt !== undefined || row.value.bye !== undefined) return false;
      if (row.lease.wanted !== undefined && row.lease.wanted <= after) return false;
      row.lease.wanted = after;
      return true;
    },
  };
}

const connectionOf = ({ value, lease, startedBy: by, startedAfter: after }: Row<Connection>): Connection => ({
  ...copyOf(value),
  ...(by !== undefined && {
    start: { by, after, until: lease?.holder === by ? lease.until : undefined },
  }),
});

const copyOf = (connection: Connection): Connection => ({
  ...connection,
  channels: new Set(connection.channels),
});
