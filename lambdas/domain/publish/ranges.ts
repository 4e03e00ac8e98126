/**
 * How the subscribers that one page does not hold are cut into ranges, by the order of their
 * hashes.
 */
import { ALL_SUBSCRIBERS, type SubscriberRange, type SubscriptionPage } from '../ports/subscription-store.ts';

/** Connections of one range: some seconds of posting for one Lambda. */
const RANGE_CONNECTIONS = 2000;
/** A range of fewer would cost more to hand over than to serve. */
const LEAST_CONNECTIONS = 256;
/**
 * How many workers serve ranges at once: `FAN_OUT_WORKERS` of `settings.ts`. Each may use an equal
 * part of the rate of all fan-outs, so with fewer ranges than workers a part would go unused.
 */
const WORKERS = 10;
/** A range of a million connections' fan-out is still served within a Lambda's time. */
const MAX_RANGES = 1000;

/** Hashes are 8 hexadecimal digits. */
const HASHES = 2 ** 32;

export interface LeftOver {
  /** About how many connections the ranges hold. */
  estimate: number;
  ranges: SubscriberRange[];
}

/** Into how many ranges so many connections are cut. */
export const rangesFor = (connections: number): number =>
  Math.max(
    1,
    Math.min(WORKERS, Math.floor(connections / LEAST_CONNECTIONS)),
    Math.min(MAX_RANGES, Math.ceil(connections / RANGE_CONNECTIONS)),
  );

/**
 * What follows a page of all subscribers. Their keys begin with a hash, so the part of the hash
 * space that the page covers is about the part of the subscribers that it holds.
 */
export function leftOver({ subscriptions, next }: SubscriptionPage): LeftOver {
  if (next === undefined) return { estimate: 0, ranges: [] };
  const last = Number.parseInt(next, 16);
  const covered = (last + 1) / HASHES;
  const estimate = Math.max(1, Math.round((subscriptions.length * (1 - covered)) / covered));
  const count = rangesFor(estimate);
  const border = (index: number): string =>
    Math.floor(last + ((HASHES - last) * index) / count)
      .toString(16)
      .padStart(8, '0');
  const ranges = Array.from({ length: count }, (_none, index) => ({
    from: index === 0 ? next : border(index),
    // No key is equal to a hash alone.
    to: index === count - 1 ? ALL_SUBSCRIBERS.to : border(index + 1),
  }));
  return { estimate, ranges };
}
