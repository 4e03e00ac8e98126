/** A process that is sent one mutant after the other, each with the seeds to try, and answers what caught it. */
import { loadMutated, mutantNamed } from './mutate.ts';

export interface Hunt {
  mutant: string;
  /** Tried in this order. */
  seeds: number[];
}

/** Both are undefined when the mutant survived. */
export interface Prey {
  seed?: number;
  guarantee?: string;
}

async function hunt({ mutant, seeds }: Hunt): Promise<Prey> {
  const runSeed = await loadMutated(mutantNamed(mutant));
  for (const seed of seeds) {
    const { violation } = await runSeed(seed);
    if (violation) return { seed, guarantee: violation.guarantee };
  }
  return {};
}

// A rejection that nobody handles ends the process, and thereby the hunt, with its stack.
process.on('message', async (given: Hunt) => process.send?.(await hunt(given)));
// Who sent it is gone: nobody waits for the end of a hunt under way.
process.on('disconnect', () => process.exit());
