/** The program of the thread that holds the Lambdas: runs each as it is asked, many at once, and tells what came of it. */
import { parentPort, workerData } from 'node:worker_threads';
import { createLambdas, type Failure, LambdaError } from '../lambdas.ts';
import { loadHandlers } from './handlers.ts';

export interface Start {
  /** What the Lambdas write to standard output is dropped. */
  quiet: boolean;
}

export interface Asked {
  run: number;
  name: string;
  event: unknown;
  requestId: string;
}

export type Told = 'loaded' | ({ run: number } & ({ result: unknown } | { failure: Failure }));

const tell = (message: Told): void => parentPort?.postMessage(message);

if ((workerData as Start).quiet) process.stdout.write = () => true;

const lambdas = createLambdas(await loadHandlers());
parentPort?.on('message', async ({ run, name, event, requestId }: Asked) => {
  try {
    tell({ run, result: await lambdas.invoke(name, event, requestId) });
  } catch (error) {
    const failure = error instanceof LambdaError ? error : new LambdaError('Error', String(error));
    tell({ run, failure: failure.toJSON() });
  }
});
tell('loaded');
