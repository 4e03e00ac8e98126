/** All stores of the domain but the log's, on one client of DynamoDB. */
import type { DynamoDb } from '../../aws/dynamodb.ts';
import type { App } from '../../domain/app.ts';
import { createConnectionStore } from './connection-store.ts';
import { createDeviceStore } from './device-store.ts';
import { createMemberStore } from './member-store.ts';
import { createReadStateStore } from './read-state-store.ts';
import { createStartStore } from './start-store.ts';
import { createSubscriptionStore } from './subscription-store.ts';
import { SUMMARY_ID, summaryIdOf, type TableNames } from './tables.ts';
import { createPutWhileOpen } from './while-open.ts';

export type Stores = Pick<
  App,
  'connections' | 'subscriptions' | 'members' | 'devices' | 'cursors' | 'readStates' | 'starts'
>;

export function createStores(dynamodb: DynamoDb, tables: TableNames, now: () => number): Stores {
  const putWhileOpen = createPutWhileOpen(dynamodb, tables.connections);
  const devices = {
    tableName: tables.devices,
    sort: 'deviceId' as const,
    summaryIdOf: () => SUMMARY_ID,
  };
  const cursors = { tableName: tables.cursors, sort: 'channelDevice' as const, summaryIdOf };
  return {
    connections: createConnectionStore(dynamodb, tables, now),
    subscriptions: createSubscriptionStore(dynamodb, tables, now),
    members: createMemberStore(dynamodb, tables.members),
    devices: createDeviceStore(dynamodb, devices, putWhileOpen, now),
    cursors: createDeviceStore(dynamodb, cursors, putWhileOpen, now),
    readStates: createReadStateStore(dynamodb, tables),
    starts: createStartStore(dynamodb, { devices, cursors, messages: tables.messages }, now),
  };
}
