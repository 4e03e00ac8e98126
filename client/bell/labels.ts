/** The words of the bell, to be replaced for another language. */
export interface BellLabels {
  title: string;
  /** What the button is called, and what is said when the count has changed. */
  unreadCount: (unread: number) => string;
  /** Said of a message that is not read. */
  unread: string;
  markRead: string;
  markUnread: string;
  markAllRead: string;
  loadMore: string;
  loading: string;
  /** Older messages could not be loaded. */
  failed: string;
  empty: string;
}

/** The server gives up counting there. */
const MAX_COUNTED = 1000;

export const LABELS: BellLabels = {
  title: 'Notifications',
  unreadCount: (unread) =>
    `Notifications: ${unread < MAX_COUNTED ? unread || 'none' : '1000 or more'} unread`,
  unread: 'Unread',
  markRead: 'Mark as read',
  markUnread: 'Mark as unread',
  markAllRead: 'Mark all as read',
  loadMore: 'Load older',
  loading: 'Loading …',
  failed: 'Older messages could not be loaded. Try again.',
  empty: 'Nothing here yet',
};
