/** Bounded fan-out. */

/**
 * Runs `task` on every item, at most `limit` at a time, and returns the results in the items'
 * order.
 */
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

/**
 * Runs `task` on every item as it comes, at most `limit` at a time, and returns the results. If the
 * items or a task reject, rejects too, but only after all tasks that were begun have ended.
 */
export async function mapAsTheyCome<Item, Result>(
  items: AsyncIterable<Item>,
  limit: number,
  task: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const iterator = items[Symbol.asyncIterator]();
  const worker = async () => {
    for (let next = await iterator.next(); !next.done; next = await iterator.next())
      results.push(await task(next.value));
  };
  for (const ended of await Promise.allSettled(Array.from({ length: limit }, worker)))
    if (ended.status === 'rejected') throw ended.reason;
  return results;
}

/** The same items. Asks for the next item while the caller uses the item before. */
export async function* ahead<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item, void> {
  const iterator = items[Symbol.asyncIterator]();
  let next = iterator.next();
  for (;;) {
    const { done, value } = await next;
    if (done) return;
    next = iterator.next();
    next.catch(() => undefined); // whoever takes the next item hears of it
    yield value;
  }
}
