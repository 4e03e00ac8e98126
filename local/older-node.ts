/**
 * What Node 20 lacks of what we use, for the programs of the package. The Lambdas it runs are made for a newer Node and find it
 * here too.
 */

/** The AWS SDK warns on Node 20 that later versions will not run there. The version in here is built in. */
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

/** https://tc39.es/ecma262/#sec-promise.withResolvers */
Promise.withResolvers ??= function withResolvers<T>(): PromiseWithResolvers<T> {
  const settle: Partial<PromiseWithResolvers<T>> = {};
  const promise = new Promise<T>((resolve, reject) => Object.assign(settle, { resolve, reject }));
  return Object.assign(settle, { promise }) as PromiseWithResolvers<T>;
};

/** https://tc39.es/ecma262/#sec-map.groupby */
Map.groupBy ??= function groupBy<K, T>(
  items: Iterable<T>,
  keyOf: (item: T, index: number) => K,
): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  let index = 0;
  for (const item of items) {
    const key = keyOf(item, index++);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
};

/**
 * https://tc39.es/proposal-json-parse-with-source/, as far as it goes without the parser: a number's
 * source is what its double is written as. So two payloads that differ only in a number that no
 * double equals are one here.
 */
if (!('rawJSON' in JSON)) {
  const { parse } = JSON;
  const withSource = (reviver: SourceReviver) =>
    function revive(this: unknown, name: string, value: unknown): unknown {
      return reviver.call(this, name, value, typeof value === 'number' ? { source: String(value) } : {});
    };
  Object.assign(JSON, {
    parse: (text: string, reviver?: SourceReviver) => parse(text, reviver && withSource(reviver)),
    rawJSON: Number,
    isRawJSON: () => false,
  });
}

type SourceReviver = (this: unknown, name: string, value: unknown, context: { source?: string }) => unknown;
