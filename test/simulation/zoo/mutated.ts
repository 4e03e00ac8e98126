/** The source of a module with a mutation in it. */
import type { Mutant } from './mutants.ts';

/** Throws unless the text to replace stands there exactly once. */
export function mutated({ name, file, find, replace }: Mutant, source: string): string {
  const times = source.split(find).length - 1;
  if (times !== 1) throw new Error(`${name}: its text stands ${times} times in ${file}`);
  return source.replace(find, () => replace);
}
