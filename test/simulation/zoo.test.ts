/** The checks are worth what they catch: each mutant of the zoo must be caught. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MUTANTS } from './zoo/mutants.ts';
import { mutated } from './zoo/mutate.ts';
import { runZoo, ZOO_SEEDS } from './zoo/zoo.ts';

describe('the zoo', { timeout: 600_000 }, () => {
  it('has mutants that differ from the source', () => {
    for (const mutant of MUTANTS) {
      const source = readFileSync(new URL(`../../${mutant.file}`, import.meta.url), 'utf8');
      expect(mutated(mutant, source), mutant.name).not.toBe(source);
    }
    expect(MUTANTS.length).toBeGreaterThanOrEqual(25);
  });

  it(`has no mutant that survives ${ZOO_SEEDS} seeds`, async () => {
    const survivors = (await runZoo()).filter(({ seed }) => seed === undefined);
    expect(survivors.map(({ mutant }) => mutant.name)).toEqual([]);
  });
});
