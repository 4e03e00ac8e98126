/** How long to wait between tries. */

/**
 * Exponential back-off with full jitter: a random part of `baseMs` doubled for each `attempt` (from
 * 0), at most `capMs`. `random`: from 0 up to 1.
 */
export const backOffMs = (
  attempt: number,
  baseMs: number,
  capMs: number = Number.POSITIVE_INFINITY,
  random: () => number = Math.random,
): number => random() * Math.min(capMs, baseMs * 2 ** attempt);
