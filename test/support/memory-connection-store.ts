/** The connections in memory, with what the table's stream would say of the replays asked for. */
import type { Connection, ConnectionKey } from '../../lambdas/domain/model.ts';
import type { ConnectionStore } from '../../lambdas/domain/ports.ts';

export interface ReplayRequest extends ConnectionKey {
  requestId: string;
  after: number | undefined;
}

export interface MemoryConnectionStore extends ConnectionStore {
  /** The request on the row that no `markReady` has taken away yet. */
  pending(key: ConnectionKey): ReplayRequest | undefined;
}

interface Row {
  connection: Connection;
  request: ReplayRequest | undefined;
}

/** `drive` hears of every request once, in the order they were made, like a stream that never repeats itself. */
export function createMemoryConnectionStore(
  now: () => number,
  drive: (request: ReplayRequest) => void = () => {},
): MemoryConnectionStore {
  const rows = new Map<string, Row>();
  const find = (key: ConnectionKey) => rows.get(idOf(key));
  const isLive = ({ expiresAt }: Connection) => expiresAt > now();
  const ask = (row: Row, requestId: string, after?: number) => {
    const { userId, connectionId } = row.connection;
    row.request = { userId, connectionId, requestId, after };
    drive(row.request);
  };

  const liveOf = (userId: string): Connection[] =>
    [...rows.values()]
      .map(({ connection }) => connection)
      .filter((connection) => connection.userId === userId && isLive(connection))
      .map((connection) => ({ ...connection }));

  return {
    async add(connection, requestId) {
      if (find(connection)) return;
      const row = { connection: { ...connection }, request: undefined };
      rows.set(idOf(connection), row);
      ask(row, requestId);
    },
    async find(key) {
      const connection = find(key)?.connection;
      return connection && isLive(connection) ? { ...connection } : undefined;
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
      rows.delete(idOf(key));
    },
    async markReady(key, readyAt) {
      const row = find(key);
      if (!row) return;
      row.connection.readyAt = readyAt;
      row.request = undefined;
    },
    async markClosing(key, code, requestId) {
      const row = find(key);
      if (!row) return;
      row.connection.bye ??= code;
      if (requestId !== undefined) ask(row, requestId);
    },
    async requestReconcile(key, requestId, after) {
      const row = find(key);
      if (row) ask(row, requestId, after);
    },
    pending: (key) => find(key)?.request,
  };
}

const idOf = ({ userId, connectionId }: ConnectionKey): string => JSON.stringify([userId, connectionId]);
