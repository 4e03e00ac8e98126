/**
 * The heads of the channels that this process published to: the next append to such a channel need
 * not read its head. A cached head is a guess that the append's condition checks. A wrong guess
 * costs a transaction, and the channel is not cached for a while.
 */
import type { Head } from '../model.ts';

/** An older head is a worse guess: another process has likely published since. */
const KEPT_MS = 10_000;
/**
 * How long a channel stays uncached after a wrong guess: several processes publish to it at the
 * moment.
 */
const INVALID_MS = 60_000;
const MAX_CHANNELS = 1000;

export interface HeadCache {
  /**
   * Returns the cached head and removes it. Call `put` after a successful append, `invalidate`
   * after a lost race.
   */
  take(channel: string, now: number): Head | undefined;
  put(channel: string, head: Head, now: number): void;
  /** The head was no longer where this process had left it. */
  invalidate(channel: string, now: number): void;
}

export function createHeadCache(): HeadCache {
  const heads = new Map<string, { head: Head; keptAt: number }>();
  const invalidated = new Map<string, number>();
  return {
    take(channel, now) {
      const cached = heads.get(channel);
      heads.delete(channel);
      return cached && now - cached.keptAt < KEPT_MS ? cached.head : undefined;
    },
    put(channel, head, now) {
      if (now - (invalidated.get(channel) ?? Number.NEGATIVE_INFINITY) < INVALID_MS) return;
      invalidated.delete(channel);
      setNewest(heads, channel, { head, keptAt: now });
    },
    invalidate(channel, now) {
      setNewest(invalidated, channel, now);
    },
  };
}

/** Sets the entry as the newest; beyond the limit the oldest entry goes. */
function setNewest<Value>(map: Map<string, Value>, channel: string, value: Value): void {
  map.delete(channel);
  map.set(channel, value);
  if (map.size <= MAX_CHANNELS) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
