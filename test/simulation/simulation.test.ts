/** 100 seeds at every change, or `SEEDS` of them; `npm run simulate` runs as many as wanted. */
import { describe, expect, it } from 'vitest';
import { runMany } from './many.ts';
import { neverInjected, neverReached } from './report.ts';
import { runSeed } from './run.ts';

/** Fewer than a hundred do not meet every kind of fault. */
const SEEDS = Number(process.env.SEEDS ?? 100);

describe('a simulated world', { timeout: 1_800_000 }, () => {
  it(`keeps every guarantee through the faults of ${SEEDS} seeds, and meets every kind of fault, and every place it is led to`, async () => {
    const { violations, faults, places } = await runMany(1, SEEDS);
    expect(violations).toEqual([]);
    expect(neverInjected(faults)).toEqual([]);
    expect(neverReached(places)).toEqual([]);
  });

  it('takes the same course whenever it starts from the same seed', async () => {
    const course = async () => {
      const lines: string[] = [];
      await runSeed(7, { trace: (line) => lines.push(line) });
      return lines;
    };
    expect(await course()).toEqual(await course());
  });
});
