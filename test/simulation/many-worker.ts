/** Runs every so-manieth seed in a thread of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import type { SeedReport } from './many.ts';
import { runSeed } from './run.ts';

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
