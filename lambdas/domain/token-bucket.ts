/**
 * A token bucket: how often something costly may be done at a stranger's request. A few times at
 * once (the burst), then at a steady pace. Whoever empties the bucket keeps others waiting for one
 * pace at most.
 */

export interface TokenBucket {
  /** Takes a token. False: there is none, and it may not be done now. */
  take(): boolean;
  /** How long until it may be done again. */
  waitMs(): number;
}

export interface TokenBucketOptions {
  /** So often at once. */
  burst: number;
  /** One more every so many milliseconds. */
  paceMs: number;
  now: () => number;
}

export function createTokenBucket({ burst, paceMs, now }: TokenBucketOptions): TokenBucket {
  let left = burst;
  let countedAt = now();
  const count = () => {
    // A clock that was set back gives nothing and takes nothing.
    left = Math.min(burst, left + Math.max(0, now() - countedAt) / paceMs);
    countedAt = now();
  };
  return {
    take() {
      count();
      if (left < 1) return false;
      left -= 1;
      return true;
    },
    waitMs() {
      count();
      return Math.max(0, Math.ceil((1 - left) * paceMs));
    },
  };
}
