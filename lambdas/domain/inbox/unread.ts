/** Counts what a user has not read: when it is asked for, so that no counter is written. */
import type { ReadMarks } from '../../protocol/frames.ts';
import { MAX_UNREAD } from '../../protocol/limits.ts';
import type { App } from '../app.ts';
import type { Channel, Head, Message } from '../model.ts';
import { isRead } from './read-marks.ts';

/** How many of these messages are unread. */
export const unreadAmong = (messages: Message[], marks: ReadMarks): number =>
  messages.filter(({ seq }) => !isRead(marks, seq)).length;

/** Of the newest messages; reads at most {@link MAX_UNREAD} rows. */
export async function countUnread(app: App, channel: Channel, head: Head, marks: ReadMarks): Promise<number> {
  let unread = 0;
  let rows = 0;
  let before = head.seq + 1;
  while (before > marks.through + 1 && rows < MAX_UNREAD) {
    const range = { after: marks.through, before };
    const page = await app.log.readBack(channel, range, head, MAX_UNREAD - rows);
    unread += unreadAmong(page.messages, marks);
    rows += page.rows;
    before = page.from;
  }
  return Math.min(unread, MAX_UNREAD);
}
