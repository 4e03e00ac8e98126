/** The rows of the Subscriptions table and what the domain makes of them. */
import { hash } from 'node:crypto';
import type { Connection, Serving, Subscription } from '../../domain/model.ts';
import type { Channel } from '../../protocol/channel.ts';
import { DEFAULT_DIALECT } from '../../protocol/frames.ts';
import { toServing, toServingRow } from './serving.ts';
import { defined, type SubscriptionRow, toMilliseconds, toSeconds } from './tables.ts';

/** Of the hash in a subscriber's key: 8 hexadecimal digits. */
const HASH_DIGITS = 8;

/**
 * The rows of a channel lie in the order of a hash, so that any part of them is a fair sample, and
 * DynamoDB spreads them over its partitions.
 */
export const subscriberOf = (connectionId: string): string =>
  `${hash('sha256', connectionId, 'hex').slice(0, HASH_DIGITS)}#${connectionId}`;

export const subscriptionKey = (channel: string, connectionId: string) => ({
  channel,
  subscriber: subscriberOf(connectionId),
});

/** What a subscription's row keeps of its connection. */
type Subscribing = Pick<
  Connection,
  | 'userId'
  | 'connectionId'
  | 'deviceId'
  | 'dialect'
  | 'ackMode'
  | 'connectedAt'
  | 'tokenExpiresAt'
  | 'endpoint'
  | 'expiresAt'
>;

/** A new row: nothing is posted to it until it is ready, unless it begins so. */
export const subscriptionRowOf = (
  channel: string,
  connection: Subscribing,
  { permitted, ...serving }: { permitted: boolean } & Partial<Serving>,
): Record<string, unknown> =>
  defined({
    ...subscriptionKey(channel, connection.connectionId),
    userId: connection.userId,
    connectionId: connection.connectionId,
    deviceId: connection.deviceId,
    dialect: connection.dialect,
    ackMode: connection.ackMode,
    connectedAt: connection.connectedAt,
    tokenExpiresAt: connection.tokenExpiresAt,
    endpoint: connection.endpoint,
    permitted,
    ...toServingRow({ readyAt: undefined, startsAt: undefined, paused: undefined, ...serving }),
    expiresAt: toSeconds(connection.expiresAt),
  } satisfies SubscriptionRow);

export const toSubscription = (channel: Channel, row: SubscriptionRow): Subscription => ({
  channel,
  userId: row.userId,
  connectionId: row.connectionId,
  deviceId: row.deviceId,
  dialect: row.dialect ?? DEFAULT_DIALECT,
  ackMode: row.ackMode,
  connectedAt: row.connectedAt,
  tokenExpiresAt: row.tokenExpiresAt,
  endpoint: row.endpoint,
  permitted: row.permitted,
  ...toServing(row),
  // Who marks a connection for its end removes its subscriptions.
  bye: undefined,
  expiresAt: toMilliseconds(row.expiresAt),
});
