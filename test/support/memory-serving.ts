/** How far a subscription is served, in memory: of a user's own channel on the connection's row. */
import type { SubscriptionStore } from '../../lambdas/domain/ports/subscription-store.ts';
import type { MemoryTables } from './memory-tables.ts';

type ServingMethods = Pick<
  SubscriptionStore,
  'markReady' | 'pause' | 'resume' | 'beginReplay' | 'endReplay' | 'requestReconcile'
>;

export const memoryServing = (tables: MemoryTables): ServingMethods => ({
  async markReady(key, readyAt, startsAt) {
    const row = tables.served(key);
    if (!row) return;
    row.value.readyAt = readyAt;
    if (startsAt) row.value.startsAt = { epoch: startsAt.epoch, seq: startsAt.seq };
    row.request = undefined;
  },

  async pause(key, { at, after }) {
    const serving = tables.served(key)?.value;
    if (!serving) return false;
    const { paused } = serving;
    if (paused?.after !== undefined && after !== undefined)
      serving.paused = { at: paused.at, after: Math.min(paused.after, after) };
    serving.paused ??= { at, after };
    return paused === undefined;
  },

  async resume(key, { after }) {
    const serving = tables.served(key)?.value;
    if (!serving || (after !== undefined && serving.paused?.after !== after)) return false;
    serving.paused = undefined;
    return true;
  },

  async beginReplay(key, { holder, after, now, until }) {
    const row = tables.served(key);
    if (!row) return 'merged';
    if (row.lease && row.lease.until > now && row.lease.holder !== holder) {
      const isLess = row.lease.wanted === undefined || after < row.lease.wanted;
      row.lease.wanted = Math.min(row.lease.wanted ?? after, after);
      return isLess ? 'wanted' : 'merged';
    }
    row.lease = { holder, until, wanted: undefined };
    row.request = undefined;
    return 'begun';
  },

  async endReplay(key, { holder, through, goesOn, requestId }) {
    const row = tables.served(key);
    if (row?.lease?.holder !== holder) return;
    const { wanted } = row.lease;
    row.lease = undefined;
    if (goesOn || wanted !== undefined) tables.ask(row, key, requestId, Math.min(wanted ?? through, through));
  },

  async requestReconcile(key, requestId, after) {
    const row = tables.served(key);
    if (row) tables.ask(row, key, requestId, after);
  },
});
