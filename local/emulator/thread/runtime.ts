/** The program of a thread that holds Lambdas: runs each as it is asked, many at once, and tells what came of it. */
import module from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { LambdaName } from '../../../lambdas/manifest.ts';
import { createLambdas, type Failure, LambdaError } from '../lambdas.ts';
import { loadHandlers } from './handlers.ts';

export interface Start {
  /** What the Lambdas write to standard output is dropped. */
  quiet: boolean;
  names: readonly LambdaName[];
  /** A folder in which Node keeps what it has compiled. By its environment variable it does so for the main thread alone. */
  compileCache: string | undefined;
}

export interface Asked {
  run: number;
  name: string;
  event: unknown;
  requestId: string;
}

export type Told = 'loaded' | ({ run: number } & ({ result: unknown } | { failure: Failure }));

const tell = (message: Told): void => parentPort?.postMessage(message);

const { quiet, names, compileCache } = workerData as Start;
if (quiet) process.stdout.write = () => true;
// Node 20 has no such cache.
if (compileCache !== undefined) module.enableCompileCache?.(compileCache);

const lambdas = createLambdas(await loadHandlers(names));
parentPort?.on('message', async ({ run, name, event, requestId }: Asked) => {
  try {
    tell({ run, result: await lambdas.invoke(name, event, requestId) });
  } catch (error) {
    const failure = error instanceof LambdaError ? error : new LambdaError('Error', String(error));
    tell({ run, failure: failure.toJSON() });
  }
});
tell('loaded');
