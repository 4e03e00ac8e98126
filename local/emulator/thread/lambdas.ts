/**
 * Runs the sources of Lambdas in one thread of their own: as on AWS they share nothing with the services around them, neither
 * the environment nor the processor.
 */
import type { LambdaName } from '../../../lambdas/manifest.ts';
import { LambdaError, type Lambdas, timedOut, within } from '../lambdas.ts';
import { timeLimitMs } from './handlers.ts';
import { startThread } from './thread.ts';

const RUNTIME = new URL('./runtime.ts', import.meta.url);

/** The thread itself ends a run at its limit, unless the Lambda lets it do nothing else. */
const OVERRUN_MS = 1000;

export interface ThreadOptions {
  names: readonly LambdaName[];
  /** All of it. */
  environment: Record<string, string>;
  quiet: boolean;
  /** Hears what the Lambdas write, line by line. @default standard output does */
  told?: (line: string) => void;
  /** The program of the thread. @default the Lambdas */
  runtime?: URL;
  /** @default what they have on AWS */
  limitMs?: (name: string) => number;
}

export interface ThreadLambdas extends Lambdas {
  stop(): Promise<void>;
}

/** Rejects with a {@link LambdaError} when the Lambdas do not load. A thread that has ended is started anew by the next run. */
export async function startThreadLambdas({
  names,
  environment,
  quiet,
  told = (line) => process.stdout.write(`${line}\n`),
  runtime = RUNTIME,
  limitMs = timeLimitMs,
}: ThreadOptions): Promise<ThreadLambdas> {
  const compileCache = process.env.NODE_COMPILE_CACHE;
  const start = () => startThread(runtime, environment, { quiet, names, compileCache }, told);
  let thread = start();
  let isStopping = false;
  await thread.loaded;

  return {
    has: (name) => names.some((own) => own === name),
    async invoke(name, event, requestId = crypto.randomUUID()) {
      if (isStopping) throw new LambdaError('Runtime.ExitError', 'The stack stops');
      if (thread.hasEnded()) thread = start();
      const current = thread;
      const limit = limitMs(name);
      try {
        return await within(limit + OVERRUN_MS, current.run(name, event, requestId), () => new Overrun());
      } catch (error) {
        if (!(error instanceof Overrun)) throw error;
        await current.end();
        throw timedOut(requestId, limit);
      }
    },
    async stop() {
      isStopping = true;
      await thread.end();
    },
  };
}

class Overrun extends Error {}
