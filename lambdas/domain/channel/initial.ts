/**
 * What a connection hears without asking besides its user's own channel: everyone, and its topics.
 */

import { allEnded, mapConcurrently } from '../../concurrency.ts';
import { parseChannel } from '../../protocol/channel.ts';
import type { SubscriptionState } from '../../protocol/frames.ts';
import type { App } from '../app.ts';
import { findStart, readStart, seqIn } from '../cursor.ts';
import {
  type Channel,
  type Connection,
  type Head,
  type Member,
  type Position,
  topicChannel,
  userChannel,
} from '../model.ts';
import type { StoredReadState } from '../ports/read-state-store.ts';
import { subscribeMember } from './members.ts';

const CONCURRENT_CALLS = 10;

/** One channel, and what `ready` says of it. */
export interface Initial {
  channel: Channel;
  state: SubscriptionState;
}

/** A channel that a connection begins to hear. */
export interface Beginning {
  channel: Channel;
  /** Of a topic that the user hears as its member: where the user joined. */
  joined?: Position | undefined;
}

/**
 * Subscribes the connection to the topics of its user. Returns what it then hears besides its
 * user's own channel. Nothing is posted before {@link beginInitial}. Done twice it changes nothing.
 */
export async function initialSubscriptions(app: App, connection: Connection): Promise<Beginning[]> {
  const members = await app.members.topicsOf(connection.userId);
  // One after the other: each is a transaction on the connection's row, and would cancel the
  // others.
  const added = await mapConcurrently(members, 1, (member) => join(app, connection, member));
  const joined = new Map(members.map((member) => [topicChannel(member.topic).name, member.joined]));
  const heard = [...heardBy(connection), ...added.flatMap((channel) => (channel ? { channel } : []))];
  return heard.map(({ channel }) => ({ channel, joined: joined.get(channel.name) }));
}

/** The channels that a connection hears besides its user's own. */
export const heardBy = ({ channels }: Connection): { channel: Channel }[] =>
  [...channels].flatMap((name) => {
    const channel = parseChannel(name);
    return channel ? { channel } : [];
  });

/** Undefined: it hears the topic already, or cannot any more. */
async function join(app: App, connection: Connection, member: Member): Promise<Channel | undefined> {
  const channel = topicChannel(member.topic);
  if (connection.channels.has(channel.name)) return undefined;
  const startsAt = connection.deviceId === undefined ? undefined : member.joined;
  const subscribed = await subscribeMember(app, connection, member, { startsAt, requestId: undefined });
  return subscribed === 'subscribed' || subscribed === 'already' ? channel : undefined;
}

/** Where a connection begins in its channels. */
export interface Places {
  /** Of its user's own channel, like `cursor`. */
  head: Head;
  cursor: number;
  initial: Initial[];
  readState: StoredReadState | undefined;
}

/**
 * The heads are read after the rows of the subscriptions were written, and before the connection is
 * sent its `ready`. Undefined: it is being closed, and its device is not known yet.
 */
export async function placesOf(
  app: App,
  connection: Connection,
  heard: Beginning[],
): Promise<Places | undefined> {
  const channels: [Beginning, ...Beginning[]] = [{ channel: userChannel(connection.userId) }, ...heard];
  const names = channels.map(({ channel }) => channel);
  const { heads, cursors, readState } = await readStart(app, connection, names);
  const [own, ...others] = await app.log.openAll(channels, connection, heads);
  const cursorIn = (opened: Opened) => findCursor(app, connection, opened, cursors.get(opened.channel.name));
  const [cursor, initial] = await allEnded([
    cursorIn(own),
    mapConcurrently(others, CONCURRENT_CALLS, async (opened): Promise<Initial[]> => {
      const { channel, head } = opened;
      const at = await cursorIn(opened);
      if (at === undefined) return [];
      return [{ channel, state: { channel: channel.name, epoch: head.epoch, head: head.seq, cursor: at } }];
    }),
  ]);
  return cursor === undefined ? undefined : { head: own.head, cursor, initial: initial.flat(), readState };
}

type Opened = Beginning & { head: Head };

/**
 * Where the device stands. `known`: the same, as it was read with the heads; undefined where it
 * must be found first. Returns undefined for the reason that {@link findStart} does.
 */
async function findCursor(
  app: App,
  { userId, connectionId, deviceId }: Connection,
  { channel, head, joined }: Opened,
  known: Position | undefined,
): Promise<number | undefined> {
  const earliest = seqIn(head, joined) ?? 0;
  if (known?.epoch === head.epoch && known.seq >= earliest) return known.seq;
  return await findStart(app, { userId, connectionId, deviceId, channel, startsAt: joined }, head, joined);
}

/**
 * After `ready` was accepted: opens the subscriptions to live messages, row by row, then reads the
 * heads again. So a publisher either sees the row, or is seen here. What is behind is replayed by
 * the stream, from where `ready` says that the device stands, not from its cursor: in mode `auto`
 * an older connection of the device may move the cursor meanwhile, over messages that this
 * connection was never sent.
 */
export async function beginInitial(app: App, connection: Connection, initial: Initial[]): Promise<void> {
  if (initial.length === 0) return;
  const keyOf = (channel: Channel) => ({
    channel,
    userId: connection.userId,
    connectionId: connection.connectionId,
  });
  const isAnonymous = connection.deviceId === undefined;
  await mapConcurrently(initial, CONCURRENT_CALLS, ({ channel, state: { epoch, head, cursor } }) =>
    app.subscriptions.begin(keyOf(channel), {
      readyAt: app.clock.now(),
      startsAt: isAnonymous ? { epoch, seq: head } : undefined,
      request: cursor < head ? { id: app.ids.next(), after: cursor } : undefined,
    }),
  );
  const opened = await app.log.openAll(initial);
  const moved = opened.filter(({ head, state }) => state.cursor >= state.head && head.seq > state.head);
  await mapConcurrently(moved, CONCURRENT_CALLS, ({ channel, state: { head } }) =>
    app.subscriptions.requestReconcile(keyOf(channel), app.ids.next(), head),
  );
}
