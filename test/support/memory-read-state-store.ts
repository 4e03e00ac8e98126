/** What users have read, in memory. */
import type { ReadStateStore, StoredReadState } from '../../lambdas/domain/ports.ts';

export function createMemoryReadStateStore(): ReadStateStore {
  const states = new Map<string, StoredReadState>();
  return {
    find: async (userId) => states.get(userId),
    async replace(userId, expectedVersion, state) {
      if ((states.get(userId)?.version ?? 0) !== expectedVersion) return false;
      states.set(userId, { ...state, seqs: [...state.seqs] });
      return true;
    },
  };
}
