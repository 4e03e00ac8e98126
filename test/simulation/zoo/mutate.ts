/** Loads one module mutated. Imported before anything else of ours, in a process of its own. */
import { registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { MUTANTS, type Mutant } from './mutants.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Returns how to make sure that the mutation took place. */
export function loadMutated(mutant: Mutant): () => void {
  const target = pathToFileURL(`${ROOT}${mutant.file}`).href;
  let isDone = false;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (url !== target) return loaded;
      isDone = true;
      return { ...loaded, source: mutated(mutant, String(loaded.source)) };
    },
  });
  return () => {
    if (!isDone) throw new Error(`${mutant.name}: ${mutant.file} was never loaded`);
  };
}

/** Throws unless the text to replace stands there exactly once. */
export function mutated({ name, file, find, replace }: Mutant, source: string): string {
  const times = source.split(find).length - 1;
  if (times !== 1) throw new Error(`${name}: its text stands ${times} times in ${file}`);
  return source.replace(find, () => replace);
}

export function mutantNamed(name: string): Mutant {
  const mutant = MUTANTS.find((candidate) => candidate.name === name);
  if (!mutant) throw new Error(`no mutant "${name}"`);
  return mutant;
}
