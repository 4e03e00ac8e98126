/** What a hook reads: a view that is the same object until something in it changes. */

export interface Store<View> {
  /** Calls `changed` whenever there is another view, until the function returned is called. */
  subscribe(changed: () => void): () => void;
  view(): View;
  /** Without a client. A page from a server begins with it, too. */
  readonly empty: View;
}

const never = (): (() => void) => () => {};

/** Without a client. */
export const emptyStore = <View>(empty: View): Store<View> => ({
  subscribe: never,
  view: () => empty,
  empty,
});

/** Makes what belongs to an object once, and forgets it with the object. */
export function onceFor<Key extends object, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const made = new WeakMap<Key, Value>();
  return (key) => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    return value;
  };
}
