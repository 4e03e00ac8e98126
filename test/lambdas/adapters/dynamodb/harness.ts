/** The stores that share rows, in memory and in DynamoDB, as their contracts take them. */
import { randomUUID } from 'node:crypto';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { createConnectionStore } from '../../../../lambdas/adapters/dynamodb/connection-store.ts';
import { createMemberStore } from '../../../../lambdas/adapters/dynamodb/member-store.ts';
import { subscriptionKey } from '../../../../lambdas/adapters/dynamodb/subscription-rows.ts';
import { createSubscriptionStore } from '../../../../lambdas/adapters/dynamodb/subscription-store.ts';
import type { ServingRow } from '../../../../lambdas/adapters/dynamodb/tables.ts';
import type { Connection, SubscriptionKey } from '../../../../lambdas/domain/model.ts';
import type { ConnectionStore } from '../../../../lambdas/domain/ports/connection-store.ts';
import type { MemberStore } from '../../../../lambdas/domain/ports/member-store.ts';
import type { SubscriptionStore } from '../../../../lambdas/domain/ports/subscription-store.ts';
import type { TestDynamoDb } from '../../../support/dynoxide.ts';
import { createMemoryConnectionStore } from '../../../support/memory-connection-store.ts';
import { createMemoryMemberStore } from '../../../support/memory-member-store.ts';
import { createMemorySubscriptionStore } from '../../../support/memory-subscription-store.ts';
import { createMemoryTables } from '../../../support/memory-tables.ts';

export interface Harness {
  connections: ConnectionStore;
  subscriptions: SubscriptionStore;
  members: MemberStore;
  /** The request for a reconcile that stands on a subscription's row. */
  pending(key: SubscriptionKey): Promise<{ requestId: string; after: number | undefined } | undefined>;
}

export type CreateHarness = (now: () => number) => Harness;

export const inMemory: CreateHarness = (now) => {
  const tables = createMemoryTables();
  return {
    connections: createMemoryConnectionStore(now, tables),
    subscriptions: createMemorySubscriptionStore(now, tables),
    members: createMemoryMemberStore(tables),
    async pending(key) {
      const request = tables.pending(key);
      return request && { requestId: request.requestId, after: request.after };
    },
  };
};

export const inDynamoDb =
  (running: () => TestDynamoDb): CreateHarness =>
  (now) => {
    const { dynamodb, client, tables } = running();
    return {
      connections: createConnectionStore(dynamodb, tables, now),
      subscriptions: createSubscriptionStore(dynamodb, tables, now),
      members: createMemberStore(dynamodb, tables.members),
      async pending({ channel, userId, connectionId }) {
        const row =
          channel.kind === 'user'
            ? { TableName: tables.connections, Key: { userId, connectionId } }
            : { TableName: tables.subscriptions, Key: subscriptionKey(channel.name, connectionId) };
        const { Item } = await client.send(new GetCommand({ ...row, ConsistentRead: true }));
        const { replayRequestId: requestId, replayAfter: after } = (Item ?? {}) as ServingRow;
        return requestId === undefined ? undefined : { requestId, after };
      },
    };
  };

export const START = 1_795_939_441_000;

/** A connection that has just been added, of an id that no other test uses. */
export const connectionOf = (userId: string, fields: Partial<Connection> = {}): Connection => ({
  userId,
  connectionId: `${randomUUID()}=`,
  deviceId: 'phone',
  dialect: 'herald.v1',
  ackMode: 'client',
  handover: false,
  connectedAt: START + 7,
  tokenExpiresAt: START + 900_007,
  endpoint: 'https://abc123.execute-api.us-east-1.amazonaws.com/prod',
  channels: new Set(),
  readyAt: undefined,
  startsAt: undefined,
  paused: undefined,
  bye: undefined,
  expiresAt: START + 7_800_000,
  ...fields,
});
