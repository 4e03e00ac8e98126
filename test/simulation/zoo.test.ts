/** The zoo of mutants is kept in order here; `npm run simulate -- --zoo`, which CI runs, hunts them. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MUTANTS } from './zoo/mutants.ts';
import { mutated } from './zoo/mutated.ts';
import { readSeeds } from './zoo/seeds.ts';

describe('the zoo', () => {
  it('has mutants that differ from the source', () => {
    for (const mutant of MUTANTS) {
      const source = readFileSync(new URL(`../../${mutant.file}`, import.meta.url), 'utf8');
      expect(mutated(mutant, source), mutant.name).not.toBe(source);
    }
    expect(MUTANTS.length).toBeGreaterThanOrEqual(100);
  });

  it('has the seed that caught each mutant', () => {
    expect(Object.keys(readSeeds()).sort()).toEqual(MUTANTS.map(({ name }) => name).sort());
  });
});
