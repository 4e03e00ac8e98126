/** Fan-out is bounded and keeps order; waiting is jittered and capped. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ahead, batchesOf, mapAsTheyCome, mapConcurrently } from '../../lambdas/concurrency.ts';
import { backOff } from '../../lambdas/domain/back-off.ts';

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

  it('rejects only after every task that was begun has ended', async () => {
    let ended = 0;
    const failing = mapConcurrently([1, 2, 3], 3, async (item) => {
      if (item === 1) throw new Error('no');
      await Promise.resolve();
      ended += 1;
    });
    await expect(failing).rejects.toThrow('no');
    expect(ended).toBe(2);
  });

  it('rejects when a task does', async () => {
    const failing = mapConcurrently([1, 2, 3], 2, async (item) => {
      if (item === 2) throw new Error('two');
    });
    await expect(failing).rejects.toThrow('two');
  });
});

describe('batchesOf', () => {
  it('gives each item once, in order, in batches that are full but for the last', () => {
    expect(batchesOf([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]]);
    expect(batchesOf([1, 2], 2)).toEqual([[1, 2]]);
    expect(batchesOf([], 2)).toEqual([]);
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

async function* eachOf<Item>(items: Item[], failure?: Error): AsyncGenerator<Item, void> {
  yield* items;
  if (failure) throw failure;
}

describe('mapAsTheyCome', () => {
  it('runs every task once, never more than the limit at a time', async () => {
    const property = fc.asyncProperty(
      fc.scheduler(),
      fc.uniqueArray(fc.nat(), { maxLength: 20 }),
      fc.integer({ min: 1, max: 8 }),
      async (scheduler, items, limit) => {
        let running = 0;
        const work = scheduler.scheduleFunction(async () => undefined);
        const done = mapAsTheyCome(eachOf(items), limit, async (item) => {
          expect(++running).toBeLessThanOrEqual(limit);
          await work();
          running -= 1;
          return item;
        });
        await scheduler.waitIdle();
        expect((await done).sort()).toEqual([...items].sort());
      },
    );
    await fc.assert(property);
  });

  it('rejects when the items do, after what was begun has ended', async () => {
    const ended: number[] = [];
    const results = mapAsTheyCome(eachOf([1, 2], new Error('no more')), 5, async (item) => {
      await new Promise((resolve) => setImmediate(resolve));
      ended.push(item);
    });
    await expect(results).rejects.toThrow('no more');
    expect(ended).toEqual([1, 2]);
  });

  it('rejects when a task does, after the others have ended', async () => {
    const ended: number[] = [];
    const results = mapAsTheyCome(eachOf([1, 2, 3]), 2, async (item) => {
      if (item === 1) throw new Error('one');
      ended.push(item);
    });
    await expect(results).rejects.toThrow('one');
    expect(ended).toEqual([2, 3]);
  });
});

describe('ahead', () => {
  it('asks for the next item while one is in use, and for no more than that', async () => {
    let asked = 0;
    async function* counting() {
      for (asked = 1; asked <= 3; asked++) yield asked;
    }
    const seen: [item: number, asked: number][] = [];
    for await (const item of ahead(counting())) {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push([item, asked]);
    }
    expect(seen).toEqual([
      [1, 2],
      [2, 3],
      [3, 4],
    ]);
  });

  it('hands an error on where it stands, and to nobody else', async () => {
    const seen: number[] = [];
    const reading = (async () => {
      for await (const item of ahead(eachOf([1, 2], new Error('broken')))) {
        await new Promise((resolve) => setImmediate(resolve));
        seen.push(item);
      }
    })();
    await expect(reading).rejects.toThrow('broken');
    expect(seen).toEqual([1, 2]);
  });
});
