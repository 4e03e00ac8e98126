/**
 * A token bucket: how often something costly may be done at a stranger's request. A few times at
 * once, and then at a steady pace, so that whoever uses it up never takes it from others for longer
 * than one pace.
 */

export interface TokenBucket {
  /** Says whether it may be done now, and counts it if so. */
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
