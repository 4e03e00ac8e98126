/**
 * Where this process left the heads of the channels it published to: the next append to one of them need not ask. It is an
 * assumption that the append's condition checks; a wrong one costs a transaction, and the channel is asked for again for a while.
 */
import type { Head } from '../ports.ts';

/** The longer ago, the likelier somebody else has published since. */
const KEPT_MS = 10_000;
/** Several publish to such a channel at the moment. */
const DISTRUSTED_MS = 60_000;
const MAX_CHANNELS = 1000;

export interface HeadCache {
  /** Hands the head out once: whoever uses it up says how that ended. */
  take(channel: string, now: number): Head | undefined;
  keep(channel: string, head: Head, now: number): void;
  /** It was no longer where it was left. */
  distrust(channel: string, now: number): void;
}

export function createHeadCache(): HeadCache {
  const heads = new Map<string, { head: Head; keptAt: number }>();
  const distrusted = new Map<string, number>();
  return {
    take(channel, now) {
      const known = heads.get(channel);
      heads.delete(channel);
      return known && now - known.keptAt < KEPT_MS ? known.head : undefined;
    },
    keep(channel, head, now) {
      if (now - (distrusted.get(channel) ?? Number.NEGATIVE_INFINITY) < DISTRUSTED_MS) return;
      distrusted.delete(channel);
      put(heads, channel, { head, keptAt: now });
    },
    distrust(channel, now) {
      put(distrusted, channel, now);
    },
  };
}

/** As the newest; beyond the limit the oldest goes. */
function put<Value>(map: Map<string, Value>, channel: string, value: Value): void {
  map.delete(channel);
  map.set(channel, value);
  if (map.size <= MAX_CHANNELS) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
