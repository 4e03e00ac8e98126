/** Bounded fan-out and jittered waiting. */
import type { App } from './app.ts';

/** Runs `task` on every item, at most `limit` at a time, and returns the results in the items' order. */
export async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  limit: number,
  task: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const remaining = items.entries();
  const worker = async () => {
    for (const [index, item] of remaining) results[index] = await task(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

/** Exponential back-off with full jitter: from 0 to `baseMs` doubled per attempt (from 0), at most `capMs`. */
export const backOff = (
  { clock, ids }: Pick<App, 'clock' | 'ids'>,
  attempt: number,
  baseMs: number,
  capMs: number,
): Promise<void> => clock.sleep(ids.random() * Math.min(capMs, baseMs * 2 ** attempt));
