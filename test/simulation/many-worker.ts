/** Runs every so-manieth seed in a thread of its own. */
import { enableCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { SeedReport } from './many.ts';

// By its environment variable Node does so for the main thread alone.
if (process.env.NODE_COMPILE_CACHE) enableCompileCache(process.env.NODE_COMPILE_CACHE);
const { runSeed } = await import('./run.ts');
const { first, end, step } = workerData as { first: number; end: number; step: number };
for (let seed = first; seed < end; seed += step) {
  const { violation, steps, virtualMs, invocations, posts, faults, places } = await runSeed(seed);
  parentPort?.postMessage({
    seed,
    violation,
    steps,
    virtualMs,
    invocations,
    posts,
    faults,
    places,
  } satisfies SeedReport);
}
