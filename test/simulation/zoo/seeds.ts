/**
 * The seed that caught each mutant when they were last hunted: `npm test` tries it first. A change
 * of the program or of the plans makes seeds go stale; a search then finds another, and takes longer.
 * `npm run simulate -- --zoo --record` writes them anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Catch } from './zoo.ts';

/** By the name of the mutant. */
export type RecordedSeeds = Record<string, number>;

const FILE = new URL('seeds.json', import.meta.url);

export const readSeeds = (): RecordedSeeds => JSON.parse(readFileSync(FILE, 'utf8')) as RecordedSeeds;

export function recordSeeds(catches: Catch[]): void {
  const seeds = catches.flatMap(({ mutant, seed }) => (seed === undefined ? [] : [[mutant.name, seed]]));
  writeFileSync(FILE, `${JSON.stringify(Object.fromEntries(seeds), null, 2)}\n`);
}

/** One line for each mutant that its recorded seed did not catch, though another did. */
export const stale = (catches: Catch[]): string[] =>
  catches
    .filter(({ seed, recorded }) => seed !== undefined && seed !== recorded)
    .map(({ mutant, seed, recorded }) => `${mutant.name}: caught by seed ${seed}, recorded is ${recorded}`);
