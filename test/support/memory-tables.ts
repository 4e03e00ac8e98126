/** The rows that the memory stores share, with what the streams of their tables would say of them. */
import type {
  Connection,
  ConnectionKey,
  DeviceKey,
  LastSeen,
  Member,
  Position,
  Serving,
  Subscription,
  SubscriptionKey,
} from '../../lambdas/domain/model.ts';
import { userChannel } from '../../lambdas/domain/model.ts';
import type { ReconcileRequest } from '../../lambdas/domain/ports/later.ts';
import type { StoredReadState } from '../../lambdas/domain/ports/read-state-store.ts';

export interface ReplayRequest extends ReconcileRequest {
  requestId: string;
}

export interface Row<Value extends Serving> {
  value: Value;
  /** What asks for a reconcile, until a replay or `markReady` takes it away. */
  request: ReplayRequest | undefined;
  lease: { holder: string; until: number; wanted: number | undefined } | undefined;
  /** Of a connection: who starts it, or has, and where the replay of the start begins. */
  startedBy?: string;
  startedAfter?: number;
}

export interface DeviceRow extends DeviceKey, LastSeen {
  cursors: Map<string, Position>;
  begun: Map<string, Position>;
}

export interface DeviceRows {
  devices: Map<string, DeviceRow>;
  /** By the user. */
  summaries: Map<string, { count: number; furthest: Map<string, Position> }>;
}

/** One set of rows for all stores, as a transaction writes several tables. */
export interface MemoryTables {
  connections: Map<string, Row<Connection>>;
  subscriptions: Map<string, Row<Subscription>>;
  members: Map<string, Member>;
  devices: DeviceRows;
  cursors: DeviceRows;
  /** By the user. */
  readStates: Map<string, StoredReadState>;
  /** Whether a connection is there, and not being closed. */
  isOpen(key: ConnectionKey): boolean;
  /** Writes a request on a row, and has the stream tell of it. */
  ask(row: Row<Serving>, key: SubscriptionKey, requestId: string, after?: number, startId?: string): void;
  /** The request that stands on a row. */
  pending(key: SubscriptionKey): ReplayRequest | undefined;
  /** The row that keeps how far a subscription is served: of a user's own channel, the connection's. */
  served(key: SubscriptionKey): Row<Serving> | undefined;
}

/** `drive` hears of every request once, in the order they were made, like a stream that never repeats itself. */
export function createMemoryTables(drive: (request: ReplayRequest) => void = () => {}): MemoryTables {
  const connections: MemoryTables['connections'] = new Map();
  const subscriptions: MemoryTables['subscriptions'] = new Map();
  const served = (key: SubscriptionKey): Row<Serving> | undefined =>
    key.channel.kind === 'user'
      ? connections.get(idOf(key.userId, key.connectionId))
      : subscriptions.get(idOf(key.channel.name, key.connectionId));
  return {
    connections,
    subscriptions,
    members: new Map(),
    devices: { devices: new Map(), summaries: new Map() },
    cursors: { devices: new Map(), summaries: new Map() },
    readStates: new Map(),
    isOpen({ userId, connectionId }) {
      const row = connections.get(idOf(userId, connectionId));
      return row !== undefined && row.value.bye === undefined;
    },
    ask(row, { channel, userId, connectionId }, requestId, after, startId) {
      row.request = { channel, userId, connectionId, requestId, after, startId };
      drive(row.request);
    },
    pending: (key) => served(key)?.request,
    served,
  };
}

export const newRow = <Value extends Serving>(value: Value): Row<Value> => ({
  value,
  request: undefined,
  lease: undefined,
});

export const idOf = (...parts: string[]): string => JSON.stringify(parts);

export const ownKey = ({ userId, connectionId }: Pick<Connection, 'userId' | 'connectionId'>) => ({
  channel: userChannel(userId),
  userId,
  connectionId,
});
