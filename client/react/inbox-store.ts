/** The inbox of a client, as one object that is another one when it changes. */
import type { Inbox, InboxItem } from '../inbox-types.ts';
import type { AnyTypes, Herald } from '../types.ts';
import { emptyStore, onceFor, type Store } from './store.ts';

/** As {@link Inbox}; its functions stay the same and need no `this`. */
export interface InboxView<Types = AnyTypes> {
  readonly items: readonly InboxItem<Types>[];
  readonly unread: number;
  readonly hasMore: boolean;
  readonly loadMore: () => Promise<void>;
  readonly markRead: (seq: number) => void;
  readonly markUnread: (seq: number) => void;
  readonly markAllRead: () => void;
}

const EMPTY: InboxView = {
  items: [],
  unread: 0,
  hasMore: false,
  loadMore: async () => {},
  markRead: () => {},
  markUnread: () => {},
  markAllRead: () => {},
};

const NO_INBOX = emptyStore(EMPTY);

const storeOf = onceFor((inbox: Inbox): Store<InboxView> => {
  const actions = {
    loadMore: () => inbox.loadMore(),
    markRead: (seq: number) => inbox.markRead(seq),
    markUnread: (seq: number) => inbox.markUnread(seq),
    markAllRead: () => inbox.markAllRead(),
  };
  let view = EMPTY;
  return {
    subscribe: (changed) => inbox.on('change', changed),
    view() {
      const { items, unread, hasMore } = inbox;
      const isSame =
        view !== EMPTY && items === view.items && unread === view.unread && hasMore === view.hasMore;
      if (!isSame) view = { items, unread, hasMore, ...actions };
      return view;
    },
    empty: EMPTY,
  };
});

/** Throws when the client has no inbox. */
export const inboxStore = (herald: Herald | undefined): Store<InboxView> =>
  herald ? storeOf(herald.inbox) : NO_INBOX;
