/** A channel's log as a client shows it: newest first, without what has expired. */
import { allEnded } from '../../concurrency.ts';
import type { HistoryFrame, InboxMessage, JsonText, ReadState } from '../../protocol/frames.ts';
import type { App } from '../app.ts';
import type { Channel, Head, Message } from '../model.ts';
import { type Hearer, originTabFor } from '../origin.ts';
import { isRead } from './read-marks.ts';
import { readStateOf } from './read-state.ts';
import { countUnread, unreadAmong } from './unread.ts';

export interface HistoryPage {
  /** Only what is older than this seq. Undefined: the newest. */
  before: number | undefined;
  limit: number;
  /** Nothing up to this seq: the user joined the topic then. */
  earliest?: number | undefined;
}

/** Of a user's own channel, with what is read. `hearer`: the device that asks, if one does. */
export async function inboxOf(
  app: App,
  channel: Channel & { kind: 'user' },
  head: Head,
  page: HistoryPage,
  hearer?: Hearer,
): Promise<HistoryFrame<JsonText>> {
  const [state, found] = await allEnded([
    readStateOf(app, channel.owner, head),
    newestFirst(app, channel, head, page),
  ]);
  const unread = isCounted(found, page, state)
    ? unreadAmong(found.messages, state)
    : await countUnread(app, channel, head, state);
  const messages = found.messages
    .slice(0, page.limit)
    .map((message) => ({ ...toldTo(message, hearer), read: isRead(state, message.seq) }));
  return { ...frameOf(channel, head, found, page), messages, unread };
}

export async function historyOf(
  app: App,
  channel: Channel,
  head: Head,
  page: HistoryPage,
  hearer?: Hearer,
): Promise<HistoryFrame<JsonText>> {
  const found = await newestFirst(app, channel, head, page);
  const messages = found.messages.slice(0, page.limit).map((message) => toldTo(message, hearer));
  return { ...frameOf(channel, head, found, page), messages };
}

interface Found {
  /** One more than the page holds, if there are as many. */
  messages: Message[];
  /** All down to here was read. */
  from: number;
}

async function newestFirst(app: App, channel: Channel, head: Head, page: HistoryPage): Promise<Found> {
  const { limit, earliest: after = 0 } = page;
  const messages: Message[] = [];
  let before = page.before ?? head.seq + 1;
  // A page may hold nothing but what has expired.
  while (messages.length <= limit && before > after + 1) {
    const found = await app.log.readBack(channel, { after, before }, head, limit + 1);
    messages.push(...found.messages);
    before = found.from;
  }
  return { messages, from: before };
}

const frameOf = ({ name }: Channel, { epoch }: Head, { messages }: Found, { limit }: HistoryPage) => ({
  event: 'history' as const,
  channel: name,
  epoch,
  more: messages.length > limit,
});

/** Whether what was read for the page holds all that can be unread. */
const isCounted = ({ from }: Found, { before }: HistoryPage, { through }: ReadState): boolean =>
  before === undefined && from <= through + 1;

function toldTo(message: Message, hearer: Hearer | undefined): InboxMessage<JsonText> {
  const { seq, id, type, data, sentAt } = message;
  const origin = hearer && originTabFor(message, hearer);
  return { seq, id, type, data, sentAt, ...(origin !== undefined && { origin }) };
}
