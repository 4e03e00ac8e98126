/**
 * How many frames a connection may send: a token bucket for each. We count in the memory of this
 * process, so that a frame too many costs no call. A connection whose frames reach several
 * processes may send as many to each.
 */
import { createTokenBucket, type TokenBucket } from '../token-bucket.ts';

/** A burst may be as large as five seconds' worth of frames. */
const BURST_SECONDS = 5;
/** How often a client is told that it sends too much. */
const TELL_MS = 1000;
/**
 * Beyond this number we forget the connection that has sent nothing for longest: it has its whole
 * burst again.
 */
const MAX_CONNECTIONS = 10_000;

export type Admission =
  | { admitted: true }
  /** `tell`: the client has not been told within the last second. */
  | { admitted: false; tell: boolean; retryAfterMs: number };

export interface FrameRates {
  admit(connectionId: string, now: number): Admission;
}

interface Counted {
  bucket: TokenBucket;
  toldAt: number;
}

/** `perSecond`: frames a second, in the long run. */
export function createFrameRates(perSecond: number): FrameRates {
  const counted = new Map<string, Counted>();
  let clock = 0;

  const countedOf = (connectionId: string): Counted => {
    const bucket = { burst: BURST_SECONDS * perSecond, paceMs: 1000 / perSecond, now: () => clock };
    const found = counted.get(connectionId) ?? {
      bucket: createTokenBucket(bucket),
      toldAt: Number.NEGATIVE_INFINITY,
    };
    // As the newest.
    counted.delete(connectionId);
    counted.set(connectionId, found);
    const [oldest] = counted.keys();
    if (counted.size > MAX_CONNECTIONS && oldest !== undefined) counted.delete(oldest);
    return found;
  };

  return {
    admit(connectionId, now) {
      clock = now;
      const found = countedOf(connectionId);
      if (found.bucket.take()) return { admitted: true };
      const tell = now - found.toldAt >= TELL_MS;
      if (tell) found.toldAt = now;
      return { admitted: false, tell, retryAfterMs: found.bucket.waitMs() };
    },
  };
}
