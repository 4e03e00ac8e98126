/**
 * Runs the sources of the Lambdas in one thread of their own: as on AWS they share nothing with the services around them, neither
 * the environment nor the processor.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { LambdaError, type Lambdas } from '../lambdas.ts';
import { FUNCTION_NAMES } from './handlers.ts';
import type { Asked, Start, Told } from './runtime.ts';

const RUNTIME = new URL('./runtime.ts', import.meta.url);

export interface ThreadOptions {
  /** All of it. */
  environment: Record<string, string>;
  quiet: boolean;
}

export interface ThreadLambdas extends Lambdas {
  stop(): Promise<void>;
}

/** Rejects when the Lambdas do not load. */
export async function startThreadLambdas(options: ThreadOptions): Promise<ThreadLambdas> {
  let thread = await startThread(options);
  let runs = 0;
  return {
    has: (name) => FUNCTION_NAMES.includes(name),
    async invoke(name, event, requestId) {
      if (thread.hasEnded()) thread = await startThread(options);
      return await thread.run({ run: ++runs, name, event, requestId });
    },
    stop: () => thread.stop(),
  };
}

async function startThread({ environment, quiet }: ThreadOptions) {
  const workerData: Start = { quiet };
  const worker = new Worker(RUNTIME, { env: environment, workerData });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let hasEnded = false;

  const end = (reason: string) => {
    hasEnded = true;
    for (const { reject } of waiting.values()) reject(new LambdaError('Runtime.ExitError', reason));
    waiting.clear();
  };
  await once(worker, 'message'); // it is loaded
  worker.on('message', (told: Exclude<Told, 'loaded'>) => {
    const asked = waiting.get(told.run);
    waiting.delete(told.run);
    if ('failure' in told) asked?.reject(LambdaError.of(told.failure));
    else asked?.resolve(told.result);
  });
  worker.on('error', (error: Error) => end(`The Lambdas ended: ${error.stack}`));
  worker.on('exit', () => end('The Lambdas ended'));

  return {
    hasEnded: () => hasEnded,
    async run(asked: Asked): Promise<unknown> {
      const answered = Promise.withResolvers<unknown>();
      waiting.set(asked.run, answered);
      worker.postMessage(asked);
      return await answered.promise;
    },
    stop: async () => void (await worker.terminate()),
  };
}
