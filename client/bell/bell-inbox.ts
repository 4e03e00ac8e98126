/** What the bell needs of an inbox. `herald.inbox` has it, whatever the types of its messages. */

export interface BellMessage {
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  /** Epoch milliseconds. */
  readonly sentAt: number;
}

export interface BellItem extends BellMessage {
  readonly read: boolean;
}

/** As `Inbox` of `herald-client/inbox`. */
export interface BellInbox {
  readonly items: readonly BellItem[];
  readonly unread: number;
  readonly hasMore: boolean;
  loadMore(): Promise<void>;
  markRead(seq: number): void;
  markUnread(seq: number): void;
  markAllRead(): void;
  on(name: 'change', listener: () => void): () => void;
}
