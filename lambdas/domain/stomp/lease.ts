/** One pump at a time has a socket: by a lease, a lock that lapses should its holder die. */
import type { App } from '../app.ts';
import type { PumpLease } from './sockets.ts';

/** If a Lambda dies with the lease, its connection hears nothing for this long. */
export const LEASE_MS = 20_000;
/**
 * A text that has begun to be posted ends within this time, with its tries, so none begins when
 * less of the lease is left: it could arrive after the next holder's.
 */
const POST_MS = 7_000;

export const leaseOf = ({ clock }: App, holder: string): PumpLease => {
  const now = clock.now();
  return { holder, now, until: now + LEASE_MS };
};

/** No post begins after this instant. */
export const lastPostAt = ({ until }: PumpLease, deadlineAt = Number.POSITIVE_INFINITY): number =>
  Math.min(deadlineAt, until - POST_MS);
