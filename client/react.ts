/**
 * `herald-client/react`: the inbox, topics and the status as hooks. On a server, and before there
 * is a client, they show what there is without one: nothing.
 */
import { useSyncExternalStore } from 'react';
import { type InboxView, inboxStore } from './react/inbox-store.ts';
import { statusStore } from './react/status-store.ts';
import type { Store } from './react/store.ts';
import { type TopicView, topicStore } from './react/topic-store.ts';
import type { AnyTypes, Herald, Status } from './types.ts';

/** The user's inbox. The client needs the option `inbox`. Another object whenever it changes. */
export function useInbox<Types = AnyTypes>(herald: Herald<Types> | undefined): InboxView<Types> {
  return useStore(inboxStore(herald as Herald | undefined)) as unknown as InboxView<Types>;
}

/**
 * The newest messages of a topic that came while some component used it, at most 100 of them. The
 * topic is subscribed to as long as one does. All that use a topic of a client share the list.
 */
export function useTopic<Types = AnyTypes>(
  herald: Herald<Types> | undefined,
  name: string,
): TopicView<Types> {
  return useStore(topicStore(herald as Herald | undefined, name)) as unknown as TopicView<Types>;
}

/** `connecting` as long as there is no client. */
export function useStatus<Types = AnyTypes>(herald: Herald<Types> | undefined): Status {
  return useStore(statusStore(herald as Herald | undefined));
}

const useStore = <View>({ subscribe, view, empty }: Store<View>): View =>
  useSyncExternalStore(subscribe, view, () => empty);

export type { InboxView, TopicView };
