/** Fan-out is bounded and keeps order; waiting is jittered and capped. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backOff, mapConcurrently } from '../../lambdas/domain/concurrency.ts';

describe('mapConcurrently', () => {
  it('answers in the order of the items, whatever order the tasks end in', async () => {
    const endings = fc.scheduler();
    await fc.assert(
      fc.asyncProperty(
        endings,
        fc.array(fc.nat(), { maxLength: 20 }),
        fc.integer({ min: 1, max: 30 }),
        async (scheduler, items, limit) => {
          const task = scheduler.scheduleFunction(async (item: number) => item * 2);
          const results = mapConcurrently(items, limit, task);
          await scheduler.waitIdle();
          expect(await results).toEqual(items.map((item) => item * 2));
        },
      ),
    );
  });

  it('never runs more than the limit at once, and as many as that', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.nat(20),
        fc.integer({ min: 1, max: 8 }),
        async (scheduler, count, limit) => {
          let running = 0;
          let most = 0;
          const work = scheduler.scheduleFunction(async () => undefined);
          const done = mapConcurrently(Array.from({ length: count }), limit, async () => {
            running += 1;
            most = Math.max(most, running);
            await work();
            running -= 1;
          });
          await scheduler.waitIdle();
          await done;
          expect(most).toBe(Math.min(limit, count));
        },
      ),
    );
  });

  it('does nothing for nobody', async () => expect(await mapConcurrently([], 5, async () => 1)).toEqual([]));

  it('keeps a result that is undefined in its place', async () => {
    expect(await mapConcurrently([1, 2, 3], 2, async (item) => (item === 2 ? undefined : item))).toEqual([
      1,
      undefined,
      3,
    ]);
  });

  it('rejects when a task does', async () => {
    const failing = mapConcurrently([1, 2, 3], 2, async (item) => {
      if (item === 2) throw new Error('two');
    });
    await expect(failing).rejects.toThrow('two');
  });
});

describe('backOff', () => {
  const waitOf = async (random: number, attempt: number) => {
    const waits: number[] = [];
    const clock = { now: () => 0, sleep: async (milliseconds: number) => void waits.push(milliseconds) };
    await backOff({ clock, ids: { next: () => '', random: () => random } }, attempt, 20, 1000);
    return waits[0];
  };

  it('waits anything from nothing to the base, doubled per attempt', async () => {
    expect(await waitOf(0, 3)).toBe(0);
    expect(await waitOf(0.5, 0)).toBe(10);
    expect(await waitOf(0.5, 3)).toBe(80);
  });

  it('never waits longer than the cap', async () => expect(await waitOf(0.999_999, 1000)).toBeLessThan(1000));
});
