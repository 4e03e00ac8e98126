/** The rows of STOMP's sockets and what the domain makes of them. */
import type { NewSocket, Socket, StompSubscription } from '../../domain/stomp/sockets.ts';
import { socketName } from '../../protocol/socket-names.ts';
import type { StompAck, StompDialect } from '../../protocol/stomp.ts';
import { toMilliseconds, toSeconds } from './tables.ts';

export const socketKey = (connectionId: string) => ({ userId: socketName(connectionId), connectionId });

export const subscriptionAttribute = (id: string): string => `sub#${id}`;
export const sentAttribute = (key: string): string => `sent#${key}`;
export const unackedAttribute = (key: string): string => `unacked#${key}`;

export interface SocketRow {
  userId: string;
  connectionId: string;
  owner: string;
  deviceId?: string;
  dialect: StompDialect;
  batchBytes: number;
  /** As JSON. */
  permissions: string;
  tokenExpiresAt: number;
  expiresAt: number;
  news?: ReadonlySet<string>;
  announced?: number;
  refusedAt?: number;
  /** The lease of the pump: whose, and until when. */
  pumpHolder?: string;
  pumpUntil?: number;
  replayRequestId?: string;
}

interface SubscriptionEntry {
  key: string;
  channel: string;
  destination: string;
  ack: StompAck;
  replayThrough: number;
}

/** Our rows hold sets of texts only. */
export const toSeqs = (set: unknown): ReadonlySet<number> =>
  new Set([...((set as ReadonlySet<string> | undefined) ?? [])].map(Number));

export const toSocketRow = (socket: NewSocket): SocketRow => ({
  ...socketKey(socket.connectionId),
  owner: socket.userId,
  ...(socket.deviceId !== undefined && { deviceId: socket.deviceId }),
  dialect: socket.dialect,
  batchBytes: socket.batchBytes,
  permissions: JSON.stringify(socket.permissions),
  tokenExpiresAt: socket.tokenExpiresAt,
  expiresAt: toSeconds(socket.expiresAt),
});

export function toSocket(row: SocketRow): Socket {
  const attributes = row as unknown as Record<string, unknown>;
  const subscriptions = Object.entries(attributes).flatMap(([name, value]): [string, StompSubscription][] => {
    if (!name.startsWith(subscriptionAttribute(''))) return [];
    const entry = value as SubscriptionEntry;
    const sent = attributes[sentAttribute(entry.key)] as StompSubscription['sent'] | undefined;
    const unacked = toSeqs(attributes[unackedAttribute(entry.key)]);
    const id = name.slice(subscriptionAttribute('').length);
    return sent ? [[id, { ...entry, sent, unacked }]] : [];
  });
  return {
    connectionId: row.connectionId,
    userId: row.owner,
    deviceId: row.deviceId,
    dialect: row.dialect,
    batchBytes: row.batchBytes,
    permissions: JSON.parse(row.permissions),
    tokenExpiresAt: row.tokenExpiresAt,
    expiresAt: toMilliseconds(row.expiresAt),
    subscriptions: new Map(subscriptions),
    news: row.news ?? new Set(),
    announced: row.announced ?? 0,
    refusedAt: row.refusedAt,
  };
}
