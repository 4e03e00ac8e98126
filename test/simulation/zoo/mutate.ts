/**
 * Loads the whole program once for each mutant, in one process: a copy of each module of ours under
 * a URL that names the mutant, and the text of one of them replaced.
 */
import { registerHooks } from 'node:module';
import { MUTANTS, type Mutant } from './mutants.ts';
import { mutated } from './mutated.ts';

const ROOT = new URL('../../..', import.meta.url).href;
const PARAMETER = 'mutant';

type Run = (seed: number) => Promise<{ violation: { guarantee: string } | undefined }>;

const loaded = new Set<string>();

registerHooks({
  /** What a copy imports of ours is of the same copy. */
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    const mutant = mutantOf(context.parentURL);
    if (mutant === null || !isOurs(resolved.url)) return resolved;
    return { ...resolved, url: urlOf(resolved.url, mutant) };
  },
  load(url, context, nextLoad) {
    const module = nextLoad(url, context);
    const mutant = mutantOf(url);
    if (mutant === null || !new URL(url).pathname.endsWith(`/${mutantNamed(mutant).file}`)) return module;
    loaded.add(mutant);
    return { ...module, source: mutated(mutantNamed(mutant), String(module.source)) };
  },
});

const isOurs = (url: string): boolean => url.startsWith(ROOT) && !url.includes('/node_modules/');

const mutantOf = (url: string | undefined): string | null =>
  url?.startsWith(ROOT) ? new URL(url).searchParams.get(PARAMETER) : null;

function urlOf(module: string, mutant: string): string {
  const url = new URL(module);
  url.searchParams.set(PARAMETER, mutant);
  return url.href;
}

/** `runSeed` in a world where the mutation took place. */
export async function loadMutated({ name, file, world }: Mutant): Promise<Run> {
  const run = world === 'events' ? '../events/run.ts' : '../run.ts';
  const module: { runSeed: Run } = await import(urlOf(new URL(run, import.meta.url).href, name));
  if (!loaded.has(name)) throw new Error(`${name}: ${file} was never loaded`);
  return module.runSeed;
}

export function mutantNamed(name: string): Mutant {
  const mutant = MUTANTS.find((candidate) => candidate.name === name);
  if (!mutant) throw new Error(`no mutant "${name}"`);
  return mutant;
}
