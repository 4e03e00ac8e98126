/** Spreads the posts of one worker over time, and slows down while they are refused. */
import type { Clock } from '../ports/clock.ts';

/** However often posts are refused, the fan-out goes on. */
const SLOWEST_MS = 1000;
const RECOVERY = 0.9;
/** A worker that fell behind may post, in one burst, as much as it could have in this time. */
const BURST_MS = 100;

export interface Pace {
  /** Resolves when the next post may be sent. */
  turn(): Promise<void>;
  accepted(): void;
  refused(): void;
}

/** `perSecond`: posts, in the long run. */
export function createPace(clock: Clock, perSecond: number): Pace {
  const usualMs = 1000 / perSecond;
  let intervalMs = usualMs;
  let nextAt = clock.now();
  return {
    async turn() {
      const now = clock.now();
      nextAt = Math.max(nextAt, now - BURST_MS) + intervalMs;
      const waitMs = nextAt - intervalMs - now;
      if (waitMs >= 1) await clock.sleep(waitMs);
    },
    accepted() {
      intervalMs = Math.max(usualMs, intervalMs * RECOVERY);
    },
    refused() {
      intervalMs = Math.min(SLOWEST_MS, intervalMs * 2);
    },
  };
}
