/** Waiting between tries. */
import type { Clock, Ids } from './ports.ts';

/**
 * Exponential back-off with full jitter: from 0 to `baseMs` doubled per attempt (from 0), at most
 * `capMs`.
 */
export const backOff = (
  { clock, ids }: { clock: Clock; ids: Ids },
  attempt: number,
  baseMs: number,
  capMs: number,
): Promise<void> => clock.sleep(ids.random() * Math.min(capMs, baseMs * 2 ** attempt));
