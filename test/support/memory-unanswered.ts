/** Of which messages the application was told that they are unanswered, in memory, beside a log. */
import type { Stored } from '../../lambdas/domain/model.ts';
import type { Unanswered } from '../../lambdas/domain/ports/unanswered.ts';
import type { MemoryLogStore } from './memory-log-store.ts';

export function createMemoryUnanswered(rows: Pick<MemoryLogStore, 'prove'>): Unanswered {
  const leases = new Map<string, number>();
  const idOf = ({ channel, message }: Stored) => JSON.stringify([channel.name, message.seq, message.id]);
  return {
    async begin(stored, { now, until }) {
      const proof = await rows.prove(stored.channel.name, [stored.message.seq]);
      const standing = proof.outcome === 'proven' ? proof.present[0] : undefined;
      if (standing?.id !== stored.message.id || standing.withdrawnBy !== undefined) return 'over';
      const lease = leases.get(idOf(stored)) ?? now;
      if (lease > now) return lease === Number.POSITIVE_INFINITY ? 'over' : 'taken';
      leases.set(idOf(stored), until);
      return 'begun';
    },
    async end(stored) {
      leases.set(idOf(stored), Number.POSITIVE_INFINITY);
    },
  };
}
