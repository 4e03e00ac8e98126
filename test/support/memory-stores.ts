/** All stores but the log, in memory, on one set of rows. */
import type { Stores } from '../../lambdas/adapters/dynamodb/stores.ts';
import type { LogStore } from '../../lambdas/domain/ports/log-store.ts';
import { createMemoryConnectionStore } from './memory-connection-store.ts';
import { createMemoryDeviceStore } from './memory-device-store.ts';
import { createMemoryMemberStore } from './memory-member-store.ts';
import { createMemoryReadStateStore } from './memory-read-state-store.ts';
import { createMemoryStartStore } from './memory-start-store.ts';
import { createMemorySubscriptionStore } from './memory-subscription-store.ts';
import { createMemoryTables, type MemoryTables, type ReplayRequest } from './memory-tables.ts';

export type MemoryStores = Stores;

/** `drive`: what the streams would ask for. */
export const createMemoryStores = (
  now: () => number,
  log: LogStore,
  drive?: (request: ReplayRequest) => void,
): MemoryStores => storesOn(createMemoryTables(drive), now, log);

export function storesOn(tables: MemoryTables, now: () => number, log: LogStore): MemoryStores {
  const kept = {
    devices: createMemoryDeviceStore(now, tables, tables.devices),
    cursors: createMemoryDeviceStore(now, tables, tables.cursors),
    readStates: createMemoryReadStateStore(tables, log),
  };
  return {
    connections: createMemoryConnectionStore(now, tables),
    subscriptions: createMemorySubscriptionStore(now, tables),
    members: createMemoryMemberStore(tables),
    ...kept,
    starts: createMemoryStartStore(kept, log),
  };
}
