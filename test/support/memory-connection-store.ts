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
  lease?: { holder: string; until: number; wanted: number | undefined } | undefined;
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
    async markReady(key, readyAt, startsAt) {
      const row = find(key);
      if (!row) return;
      row.connection.readyAt = readyAt;
      row.connection.startsAt = startsAt;
      row.request = undefined;
    },
    async markClosing(key, code, requestId) {
      const row = find(key);
      if (!row) return;
      row.connection.bye ??= code;
      ask(row, requestId);
    },
    async pause(key, { at, after }) {
      const connection = find(key)?.connection;
      if (!connection) return false;
      const { paused } = connection;
      if (paused?.after !== undefined && after !== undefined)
        connection.paused = { at: paused.at, after: Math.min(paused.after, after) };
      connection.paused ??= { at, after };
      return paused === undefined;
    },
    async resume(key, { after }) {
      const connection = find(key)?.connection;
      if (!connection || (after !== undefined && connection.paused?.after !== after)) return false;
      connection.paused = undefined;
      return true;
    },
    async beginReplay(key, { holder, after, now, until }) {
      const row = find(key);
      if (!row) return 'merged';
      if (row.lease && row.lease.until > now && row.lease.holder !== holder) {
        const isLess = row.lease.wanted === undefined || after < row.lease.wanted;
        row.lease.wanted = Math.min(row.lease.wanted ?? after, after);
        return isLess ? 'wanted' : 'merged';
      }
      row.lease = { holder, until, wanted: undefined };
      row.request = undefined;
      return 'begun';
    },
    async endReplay(key, { holder, through, goesOn, requestId }) {
      const row = find(key);
      if (row?.lease?.holder !== holder) return;
      const { wanted } = row.lease;
      row.lease = undefined;
      if (goesOn || wanted !== undefined) ask(row, requestId, Math.min(wanted ?? through, through));
    },
    async requestReconcile(key, requestId, after) {
      const row = find(key);
      if (row) ask(row, requestId, after);
    },
    pending: (key) => find(key)?.request,
  };
}

const idOf = ({ userId, connectionId }: ConnectionKey): string => JSON.stringify([userId, connectionId]);
