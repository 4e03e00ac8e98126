/** The checks are worth what they catch: each mutant of the zoo must be caught. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CHECKS, promiseOf } from './checks/guarantees.ts';
import { MUTANTS } from './zoo/mutants.ts';
import { mutated } from './zoo/mutated.ts';
import { stale } from './zoo/seeds.ts';
import { runZoo, ZOO_SEEDS } from './zoo/zoo.ts';

// Half an hour: with every recorded seed gone stale the search takes minutes on a busy machine.
describe('the zoo', { timeout: 1_800_000 }, () => {
  it('has mutants that differ from the source', () => {
    for (const mutant of MUTANTS) {
      const source = readFileSync(new URL(`../../${mutant.file}`, import.meta.url), 'utf8');
      expect(mutated(mutant, source), mutant.name).not.toBe(source);
    }
    expect(MUTANTS.length).toBeGreaterThanOrEqual(78);
  });

  it(`has no mutant that survives its recorded seed and ${ZOO_SEEDS} others, and one for each promise`, async () => {
    const catches = await runZoo({ recordedFirst: true });
    const outdated = stale(catches);
    if (outdated.length > 0)
      console.warn(
        ['Record the seeds of these mutants: npm run simulate -- --zoo --record', ...outdated].join('\n  '),
      );
    const survivors = catches.filter(({ seed }) => seed === undefined);
    expect(survivors.map(({ mutant }) => mutant.name)).toEqual([]);
    const broken = new Set(catches.map(({ guarantee }) => guarantee && promiseOf(guarantee)));
    expect([...Object.keys(CHECKS)].filter((promise) => !broken.has(Number(promise)))).toEqual([]);
  });
});
