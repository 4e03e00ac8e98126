/** What every store of read states guarantees. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { LogStore } from '../../../../lambdas/domain/ports/log-store.ts';
import type { ReadStateStore } from '../../../../lambdas/domain/ports/read-state-store.ts';

export function readStateStoreContract(create: () => { store: ReadStateStore; log: LogStore }): void {
  let store: ReadStateStore;
  let userId: string;

  beforeEach(async () => {
    const created = create();
    store = created.store;
    userId = `alice-${randomUUID()}`;
    await created.log.create(`user:${userId}`, { epoch: 'e', seq: 0, updatedAt: 0 });
  });

  const stateOf = (version: number, seqs: number[] = []) => ({ version, epoch: 'e', through: 3, seqs });

  describe('the read state of a user', () => {
    it('is nowhere until something is marked', async () => {
      expect(await store.find(userId)).toBeUndefined();
    });

    it('is found as it was written', async () => {
      expect(await store.replace(userId, 0, stateOf(1, [5, 7]))).toBe(true);
      expect(await store.find(userId)).toEqual(stateOf(1, [5, 7]));
      expect(await store.find(`${userId}-2`)).toBeUndefined();
    });

    it('is replaced only where it stands as expected', async () => {
      await store.replace(userId, 0, stateOf(1));
      expect(await store.replace(userId, 0, stateOf(1, [9]))).toBe(false);
      expect(await store.replace(userId, 2, stateOf(3, [9]))).toBe(false);
      expect(await store.find(userId)).toEqual(stateOf(1));
      expect(await store.replace(userId, 1, stateOf(2, [9]))).toBe(true);
      expect(await store.find(userId)).toEqual(stateOf(2, [9]));
    });

    it('is not replaced by who expects that of another epoch', async () => {
      await store.replace(userId, 0, stateOf(1));
      const next = { ...stateOf(2, [9]), epoch: 'another' };
      expect(await store.replace(userId, 1, next)).toBe(false);
      expect(await store.replace(userId, 1, next, 'e')).toBe(true);
      expect(await store.find(userId)).toEqual(next);
    });

    it('begins only in the epoch that the channel has', async () => {
      expect(await store.replace(userId, 0, { ...stateOf(1), epoch: 'another' })).toBe(false);
      expect(await store.replace(`${userId}-2`, 0, stateOf(1))).toBe(false);
      expect(await store.find(userId)).toBeUndefined();
      expect(await store.find(`${userId}-2`)).toBeUndefined();
    });

    it('is replaced by one of those who try at once', async () => {
      const tries = Array.from({ length: 5 }, (_, index) =>
        store.replace(userId, 0, stateOf(1, [10 + index])),
      );
      const done = await Promise.all(tries);

      expect(done.filter(Boolean)).toHaveLength(1);
      expect(await store.find(userId)).toEqual(stateOf(1, [10 + done.indexOf(true)]));
    });

    it('holds as many single seqs as the contract allows', async () => {
      const seqs = Array.from({ length: 1000 }, (_, index) => Number.MAX_SAFE_INTEGER - 2000 + 2 * index);
      await store.replace(userId, 0, stateOf(1, seqs));
      expect(await store.find(userId)).toEqual(stateOf(1, seqs));
    });
  });
}
