/** Runs the mutants, each in a process of its own, as many at once as there are processors. */
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { mapConcurrently } from '../../../lambdas/domain/concurrency.ts';
import { MUTANTS, type Mutant } from './mutants.ts';

/** Within so many seeds each mutant is caught. */
export const ZOO_SEEDS = 500;
const MAX_OUTPUT_BYTES = 1_000_000;

export interface Catch {
  mutant: Mutant;
  /** Undefined: it survived. */
  seed: number | undefined;
  guarantee: string | undefined;
}

const runMutant = fileURLToPath(new URL('run-mutant.ts', import.meta.url));
const execute = promisify(execFile);

export const runZoo = (
  seeds = ZOO_SEEDS,
  mutants = MUTANTS,
  caught: (one: Catch) => void = () => {},
): Promise<Catch[]> =>
  mapConcurrently(mutants, availableParallelism(), async (mutant) => {
    const options = { maxBuffer: MAX_OUTPUT_BYTES };
    const { stdout } = await execute(process.execPath, [runMutant, mutant.name, String(seeds)], options);
    const result: Catch = { mutant, ...JSON.parse(stdout) };
    caught(result);
    return result;
  });
