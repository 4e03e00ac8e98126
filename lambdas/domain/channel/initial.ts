/**
 * What a connection hears without asking besides its user's own channel: everyone, and its topics.
 */

import { allEnded, mapConcurrently } from '../../concurrency.ts';
import { parseChannel } from '../../protocol/channel.ts';
import type { SubscriptionState } from '../../protocol/frames.ts';
import type { App } from '../app.ts';
import { findCursors, findStart, seqIn } from '../cursor.ts';
import {
  type Channel,
  type Connection,
  type Head,
  type Member,
  type Position,
  topicChannel,
} from '../model.ts';
import { subscribeMember } from './members.ts';

const CONCURRENT_CALLS = 10;

/** One channel, and what `ready` says of it. */
export interface Initial {
  channel: Channel;
  state: SubscriptionState;
}

/**
 * Subscribes the connection to the topics of its user. Nothing is posted before {@link
 * beginInitial}. Done twice it changes nothing.
 */
export async function initialSubscriptions(app: App, connection: Connection): Promise<Initial[]> {
  const members = await app.members.topicsOf(connection.userId);
  // One after the other: each is a transaction on the connection's row, and would cancel the
  // others.
  const added = await mapConcurrently(members, 1, (member) => join(app, connection, member));
  const heard = [...heardBy(connection), ...added.flatMap((channel) => (channel ? { channel } : []))];
  if (heard.length === 0) return [];
  const { userId, deviceId } = connection;
  const [opened, cursors] = await allEnded([
    app.log.openAll(heard),
    deviceId === undefined
      ? new Map<string, Position>()
      : findCursors(
          app,
          { userId, deviceId },
          heard.map(({ channel }) => channel),
        ),
  ]);
  const joined = new Map(members.map((member) => [topicChannel(member.topic).name, member.joined]));
  const begun = await mapConcurrently(opened, CONCURRENT_CALLS, async ({ channel, head }) => {
    const place = { head, cursor: cursors.get(channel.name), joined: joined.get(channel.name) };
    const cursor = await startOf(app, connection, channel, place);
    if (cursor === undefined) return [];
    return [{ channel, state: { channel: channel.name, epoch: head.epoch, head: head.seq, cursor } }];
  });
  return begun.flat();
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

async function startOf(
  app: App,
  { userId, connectionId, deviceId }: Connection,
  channel: Channel,
  { head, cursor, joined }: { head: Head; cursor: Position | undefined; joined: Position | undefined },
): Promise<number | undefined> {
  const earliest = seqIn(head, joined) ?? 0;
  // The usual case, known from the batch that was read.
  if (cursor?.epoch === head.epoch && cursor.seq >= earliest) return cursor.seq;
  return await findStart(app, { userId, connectionId, deviceId, channel, startsAt: joined }, head, joined);
}

/**
 * After `ready` was accepted: opens the subscriptions to live messages, row by row, then reads the
 * heads again. So a publisher either sees the row, or is seen here. What is behind is replayed by
 * the stream.
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
      requestId: cursor < head ? app.ids.next() : undefined,
    }),
  );
  const opened = await app.log.openAll(initial);
  const moved = opened.filter(({ head, state }) => state.cursor >= state.head && head.seq > state.head);
  await mapConcurrently(moved, CONCURRENT_CALLS, ({ channel, state: { head } }) =>
    app.subscriptions.requestReconcile(keyOf(channel), app.ids.next(), isAnonymous ? head : undefined),
  );
}
