/**
 * What has come of a topic. It outlives the components that use it: messages that one of them has
 * taken are acknowledged, and do not come again for the next.
 */
import type { AnyTypes, Herald, HeraldError, Message, Topic } from '../types.ts';
import { emptyStore, onceFor, type Store } from './store.ts';

export interface TopicView<Types = AnyTypes> {
  /** Newest first. */
  readonly messages: readonly Message<Types>[];
  /** What went wrong since the newest message, such as `forbidden`. */
  readonly error: HeraldError | undefined;
}

const EMPTY: TopicView = { messages: [], error: undefined };

const NO_TOPIC = emptyStore(EMPTY);

const MAX_MESSAGES = 100;

const storesOf = onceFor((_herald: Herald) => new Map<string, Store<TopicView>>());

export function topicStore(herald: Herald | undefined, name: string): Store<TopicView> {
  if (!herald) return NO_TOPIC;
  const stores = storesOf(herald);
  const store = stores.get(name) ?? createStore(() => herald.topic(name));
  stores.set(name, store);
  return store;
}

function createStore(open: () => Topic): Store<TopicView> {
  const listeners = new Set<() => void>();
  let view = EMPTY;
  let topic: Topic | undefined;

  const show = (changed: Partial<TopicView>) => {
    view = { ...view, ...changed };
    for (const listener of listeners) listener();
  };
  const hear = (opened: Topic) => {
    opened.on('message', (message) =>
      show({ messages: [message, ...view.messages].slice(0, MAX_MESSAGES), error: undefined }),
    );
    opened.on('error', (error) => show({ error }));
    // What lies between the numberings is unknown.
    opened.on('reset', () => show(EMPTY));
  };

  return {
    subscribe(changed) {
      const own = () => changed();
      listeners.add(own);
      if (!topic) {
        topic = open();
        hear(topic);
      }
      return () => {
        listeners.delete(own);
        if (listeners.size > 0) return;
        topic?.close();
        topic = undefined;
      };
    },
    view: () => view,
    empty: EMPTY,
  };
}
