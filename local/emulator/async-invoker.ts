/** Lambda's queue for asynchronous invocations: two retries under the same request id, then a dead letter in the log. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../lambdas/domain/ports/logger.ts';
import { functionArn, LambdaError, type Lambdas } from './lambdas.ts';

/** Lambda waits about one minute, then two; here somebody is watching. */
export const RETRY_DELAYS_MS: readonly number[] = [1000, 2000];

export interface AsyncInvoker {
  /** Returns the request id at once; the run comes later, at least once. */
  invoke(name: string, event: unknown): string;
  /** Gives up the retries and waits for the runs under way. */
  stop(): Promise<void>;
}

export function createAsyncInvoker(
  lambdas: Lambdas,
  logger: Logger,
  retryDelaysMs: readonly number[] = RETRY_DELAYS_MS,
): AsyncInvoker {
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();

  async function run(name: string, event: unknown, requestId: string): Promise<void> {
    for (const delayMs of [0, ...retryDelaysMs]) {
      if (delayMs > 0) await sleep(delayMs, undefined, { signal: stopping.signal });
      try {
        await lambdas.invoke(name, event, requestId);
        return;
      } catch (error) {
        logger.warn('asynchronous invocation failed', { function: name, requestId, ...described(error) });
      }
    }
    logger.error('dead letter', {
      functionArn: functionArn(name),
      requestId,
      condition: 'RetriesExhausted',
      invocations: retryDelaysMs.length + 1,
      event: JSON.stringify(event),
    });
  }

  return {
    invoke(name, event) {
      const requestId = randomUUID();
      const running = run(name, event, requestId)
        // Only the wait for a retry rejects, and only because we stop.
        .catch(() => logger.warn('retry given up: the stack stops', { function: name, requestId }))
        .finally(() => underWay.delete(running));
      underWay.add(running);
      return requestId;
    },
    async stop() {
      stopping.abort();
      await Promise.all(underWay);
    },
  };
}

const described = (error: unknown) =>
  error instanceof LambdaError
    ? { errorType: error.errorType, errorMessage: error.message }
    : { errorMessage: String(error) };
