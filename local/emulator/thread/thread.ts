/** One thread that runs what it is asked to: many runs at once, each answered or, when the thread ends, failed. */
import { inspect } from 'node:util';
import { Worker } from 'node:worker_threads';
import { LambdaError } from '../lambdas.ts';
import { eachLine } from '../lines.ts';
import type { Asked, Start, Told } from './runtime.ts';

export interface Thread {
  /** Rejects with a {@link LambdaError} when the program ends as it loads. */
  loaded: Promise<void>;
  hasEnded(): boolean;
  /** Rejects with a {@link LambdaError} when the run fails, or the thread ends before it. */
  run(name: string, event: unknown, requestId: string): Promise<unknown>;
  end(): Promise<void>;
}

/** `told`: hears what the program writes to standard output, line by line. */
export function startThread(
  program: URL,
  environment: Record<string, string>,
  start: Start,
  told: (line: string) => void,
): Thread {
  const worker = new Worker(program, { env: environment, workerData: start, stdout: true });
  eachLine(worker.stdout, told);
  const loading = Promise.withResolvers<void>();
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let runs = 0;
  let hasEnded = false;

  const ended = (reason: string) => {
    if (hasEnded) return;
    hasEnded = true;
    const error = new LambdaError('Runtime.ExitError', reason);
    loading.reject(error);
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.on('message', (told: Told) => {
    if (told === 'loaded') return loading.resolve();
    const asked = waiting.get(told.run);
    waiting.delete(told.run);
    if ('failure' in told) asked?.reject(LambdaError.of(told.failure));
    else asked?.resolve(told.result);
  });
  worker.on('error', (error: unknown) => ended(`The Lambdas ended: ${inspect(error)}`));
  worker.on('exit', () => ended('The Lambdas ended'));
  loading.promise.catch(() => {}); // whoever waits for it hears of it, and every run does

  return {
    loaded: loading.promise,
    hasEnded: () => hasEnded,
    async run(name, event, requestId) {
      await loading.promise;
      if (hasEnded) throw new LambdaError('Runtime.ExitError', 'The Lambdas ended');
      const answered = Promise.withResolvers<unknown>();
      const asked: Asked = { run: ++runs, name, event, requestId };
      waiting.set(asked.run, answered);
      worker.postMessage(asked);
      return await answered.promise;
    },
    async end() {
      ended('The Lambdas were ended');
      await worker.terminate();
    },
  };
}
