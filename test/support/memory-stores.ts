/** All stores but the log, in memory, on one set of rows. */
import type { Stores } from '../../lambdas/adapters/dynamodb/stores.ts';
import { createMemoryConnectionStore } from './memory-connection-store.ts';
import { createMemoryDeviceStore } from './memory-device-store.ts';
import { createMemoryMemberStore } from './memory-member-store.ts';
import { createMemoryReadStateStore } from './memory-read-state-store.ts';
import { createMemorySubscriptionStore } from './memory-subscription-store.ts';
import { createMemoryTables, type ReplayRequest } from './memory-tables.ts';

export type MemoryStores = Stores;

/** `drive`: what the streams would ask for. */
export function createMemoryStores(
  now: () => number,
  drive?: (request: ReplayRequest) => void,
): MemoryStores {
  const tables = createMemoryTables(drive);
  return {
    connections: createMemoryConnectionStore(now, tables),
    subscriptions: createMemorySubscriptionStore(now, tables),
    members: createMemoryMemberStore(tables),
    devices: createMemoryDeviceStore(now),
    cursors: createMemoryDeviceStore(now),
    readStates: createMemoryReadStateStore(),
  };
}
