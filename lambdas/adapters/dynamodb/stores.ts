/** All stores of the domain but the log's, on one client of DynamoDB. */
import type { DynamoDb } from '../../aws/dynamodb.ts';
import type { App } from '../../domain/app.ts';
import { createConnectionStore } from './connection-store.ts';
import { createDeviceStore } from './device-store.ts';
import { createMemberStore } from './member-store.ts';
import { createReadStateStore } from './read-state-store.ts';
import { createSubscriptionStore } from './subscription-store.ts';
import { TABLES, type TableNames } from './tables.ts';

export type Stores = Pick<
  App,
  'connections' | 'subscriptions' | 'members' | 'devices' | 'cursors' | 'readStates'
>;

export function createStores(dynamodb: DynamoDb, tables: TableNames, now: () => number): Stores {
  const cursors = { tableName: tables.cursors, partition: TABLES.cursors.partition.name };
  return {
    connections: createConnectionStore(dynamodb, tables, now),
    subscriptions: createSubscriptionStore(dynamodb, tables, now),
    members: createMemberStore(dynamodb, tables.members),
    devices: createDeviceStore(dynamodb, { tableName: tables.devices }, now),
    cursors: createDeviceStore(dynamodb, cursors, now),
    readStates: createReadStateStore(dynamodb, tables.devices),
  };
}
