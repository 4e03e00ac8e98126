/** What is kept of users, in memory, as erasing takes it away. */
import { userChannel } from '../../lambdas/domain/model.ts';
import type { KeptRows, UserRows } from '../../lambdas/domain/ports/user-rows.ts';
import type { MemoryLogStore } from './memory-log-store.ts';
import { type DeviceRows, idOf, type MemoryTables } from './memory-tables.ts';

export function createMemoryUserRows(tables: MemoryTables, log: MemoryLogStore, now: () => number): UserRows {
  const removeSome = <Key, Value>(
    rows: Map<Key, Value>,
    isOne: (value: Value, key: Key) => boolean,
    limit: number,
  ): number => {
    const keys = [...rows].flatMap(([key, value]) => (isOne(value, key) ? [key] : [])).slice(0, limit);
    for (const key of keys) rows.delete(key);
    return keys.length;
  };
  const removeDevices = ({ devices, summaries }: DeviceRows, userId: string, limit: number) => {
    const removed = removeSome(devices, (device) => device.userId === userId, limit);
    return removed + (removed < limit && summaries.delete(userId) ? 1 : 0);
  };
  const removeOf: Record<KeptRows, (userId: string, limit: number) => number> = {
    devices(userId, limit) {
      if (tables.readStates.delete(userId)) return 1;
      return removeDevices(tables.devices, userId, limit);
    },
    cursors: (userId, limit) => removeDevices(tables.cursors, userId, limit),
    members: (userId, limit) => removeSome(tables.members, (member) => member.userId === userId, limit),
    messages: (userId, limit) => log.removeRows(userChannel(userId).name, 'messages', limit),
    publishes: (userId, limit) => log.removeRows(userChannel(userId).name, 'publishes', limit),
  };
  return {
    remove: async (userId, kind, limit) => removeOf[kind](userId, limit),
    removeHead: async (userId, head) => log.removeHead(userChannel(userId).name, head),
    async removeLapsed(userId) {
      const isLapsed = ({ value }: { value: { userId: string; expiresAt: number } }) =>
        value.userId === userId && value.expiresAt <= now();
      for (const { value } of [...tables.connections.values()].filter(isLapsed))
        for (const channel of value.channels) tables.subscriptions.delete(idOf(channel, value.connectionId));
      return removeSome(tables.connections, isLapsed, Number.POSITIVE_INFINITY);
    },
    removeSocket: async () => {},
  };
}
