/**
 * Bounded fan-out. Nothing that was begun is left behind: what is not awaited may be lost with the
 * Lambda.
 */

/** Like `Promise.all`, but if one of them rejects, it rejects only after all have ended. */
export async function allEnded<Results extends readonly unknown[]>(
  promises: readonly [...{ [Index in keyof Results]: Results[Index] | Promise<Results[Index]> }],
): Promise<Results> {
  const ended = await Promise.allSettled(promises);
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  return ended.map((one) => (one as PromiseFulfilledResult<unknown>).value) as unknown as Results;
}

/**
 * Runs `task` on every item, at most `limit` at a time, and returns the results in the items'
 * order. If a task rejects, rejects too, but only after all tasks that were begun have ended.
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
  await allEnded(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

/** The items in batches of `size`, the last one with what is left. */
export const batchesOf = <Item>(items: readonly Item[], size: number): Item[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_none, index) =>
    items.slice(index * size, (index + 1) * size),
  );

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
  await allEnded(Array.from({ length: limit }, worker));
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
