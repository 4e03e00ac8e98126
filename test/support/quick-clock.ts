/** A clock on which every wait is over at once, for what waits between two tries. */
import type { Clock } from '../../lambdas/aws/retry.ts';

export interface QuickClock extends Clock {
  /** How long each wait would have taken, in milliseconds. */
  waits: number[];
}

export function createQuickClock(): QuickClock {
  let now = Date.UTC(2026, 10, 21);
  const waits: number[] = [];
  return {
    waits,
    now: () => now,
    async sleep(milliseconds) {
      waits.push(milliseconds);
      now += milliseconds;
    },
  };
}
