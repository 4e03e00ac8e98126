/** What an app sees of its user's inbox. */
import type { InboxHost, InboxPart } from './inbox/part.ts';
import type { AnyTypes, Message } from './types.ts';

/** A message of the inbox. Another object when `read` changes. */
export type InboxItem<Types = AnyTypes> = Message<Types> & { readonly read: boolean };

/**
 * The messages of the user's own channel, as the server keeps them: the same on every device.
 * All of it can be read at any time; it is empty until the storage or the server has told.
 */
export interface Inbox<Types = AnyTypes> {
  /** Newest first. Another array whenever something in it changes, and only then. */
  readonly items: readonly InboxItem<Types>[];
  /** How many messages are unread, also of those not loaded. The server counts to 1,000. */
  readonly unread: number;
  /** The server has messages older than the last item. */
  readonly hasMore: boolean;
  /**
   * Loads the 20 messages before the last item, or fewer. Does nothing if there are none. Calls at
   * the same time share one request. Rejects with a `HeraldError`: `timeout` without a connection.
   */
  loadMore(): Promise<void>;
  /**
   * Marks a message, here at once and on all devices as soon as the server knows. What the server
   * refuses is an `error` event, and the mark is taken back.
   */
  markRead(seq: number): void;
  /** As {@link Inbox.markRead}. */
  markUnread(seq: number): void;
  /** Marks the newest item and all before it, also those not loaded. */
  markAllRead(): void;
  /**
   * Hears that `items`, `unread` or `hasMore` has changed, until the function returned is called.
   * Who listens takes the messages: they are acknowledged as soon as the inbox has them, if no
   * handler is there to finish with them.
   */
  on(name: 'change', listener: () => void): () => void;
}

/** What `herald-client/inbox` exports, to be given as the option `inbox`. */
export type InboxMaker = (host: InboxHost) => InboxPart;
