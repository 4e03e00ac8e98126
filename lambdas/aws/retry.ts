/** Requests that are tried again, and the time that passes between two tries. */

/** The time of a process. Tests inject a clock whose `sleep` returns at once. */
export interface Clock {
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

export const SYSTEM_CLOCK: Clock = {
  now: Date.now,
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

/** The service would answer the same to another try. */
export class Refused extends Error {
  override readonly name: string = 'Refused';
}

export interface Retries {
  /** How often `attempt` is called at most. */
  tries: number;
  /** Whether another try may succeed. @default whatever is not {@link Refused} */
  mayPass?: (error: unknown) => boolean;
  /** How long to wait after a failed try. `attempt` counts from 1. */
  delayMs: (attempt: number, error: unknown) => number;
  clock: Clock;
}

/** The result of the first try that succeeds. Rejects with the error of the last one. */
export async function retried<Result>(
  attempt: () => Promise<Result>,
  { tries, mayPass = (error) => !(error instanceof Refused), delayMs, clock }: Retries,
): Promise<Result> {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt();
    } catch (error) {
      if (tried >= tries || !mayPass(error)) throw error;
      await clock.sleep(delayMs(tried, error));
    }
  }
}
