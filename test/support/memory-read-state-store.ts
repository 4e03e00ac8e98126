/** What users have read, in memory. */
import { userChannel } from '../../lambdas/domain/model.ts';
import type { LogStore } from '../../lambdas/domain/ports/log-store.ts';
import type { ReadStateStore } from '../../lambdas/domain/ports/read-state-store.ts';
import { createMemoryTables, type MemoryTables } from './memory-tables.ts';

export function createMemoryReadStateStore(
  { readStates: states }: Pick<MemoryTables, 'readStates'> = createMemoryTables(),
  log?: Pick<LogStore, 'head'>,
): ReadStateStore {
  return {
    find: async (userId) => states.get(userId),
    async replace(userId, expectedVersion, state, expectedEpoch = state.epoch) {
      const head = await log?.head(userChannel(userId).name);
      if ((states.get(userId)?.version ?? 0) !== expectedVersion) return false;
      if (expectedVersion > 0 && states.get(userId)?.epoch !== expectedEpoch) return false;
      if (log && expectedVersion === 0 && head?.epoch !== state.epoch) return false;
      states.set(userId, { ...state, seqs: [...state.seqs] });
      return true;
    },
  };
}
