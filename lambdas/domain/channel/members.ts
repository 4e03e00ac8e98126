/** Who the members of a topic are: they hear it without asking, from when they joined. */

import { mapConcurrently } from '../../concurrency.ts';
import { RequestError } from '../../protocol/errors.ts';
import { MAX_TOPICS_OF_USER } from '../../protocol/limits.ts';
import type { App } from '../app.ts';
import { traitsOf } from '../connection/client-traits.ts';
import { isExpired, send } from '../connection/send.ts';
import { asError } from '../errors.ts';
import { logged } from '../log-fields.ts';
import { type Connection, type Member, topicChannel } from '../model.ts';
import type { Subscribed, Subscribing } from '../ports/subscription-store.ts';
import { maxChannels } from './subscribe.ts';

const CONCURRENT_CONNECTIONS = 10;

/**
 * Makes a user a member. From when this resolves on, everything published to the topic reaches the
 * user's devices: those that are connected at once, the others when they come back. The member is
 * written before the connections are looked up, and a connection that opens looks for its user's
 * topics after its own row is written: so one of the two sees the other. Throws a
 * {@link RequestError}.
 */
export async function join(app: App, topic: string, userId: string): Promise<Member> {
  const channel = topicChannel(topic);
  const standing = await app.members.find(userId, topic);
  if (standing === undefined) await refuseTooMany(app, userId);
  const { epoch, seq } = await app.log.open(channel);
  const joining = { userId, topic, joinedAt: app.clock.now(), joined: { epoch, seq } };
  const member = standing ?? (await app.members.add(joining));
  const connections = (await openConnections(app, userId)).filter(
    ({ dialect }) => traitsOf(dialect).learnsOfTopics,
  );
  await mapConcurrently(connections, CONCURRENT_CONNECTIONS, (connection) =>
    subscribeMember(app, connection, member, {
      // What is published from when this resolves on reaches an anonymous device, too.
      startsAt: connection.deviceId === undefined ? joining.joined : member.joined,
      requestId: app.ids.next(),
    }),
  );
  return member;
}

/**
 * Subscribes a connection of a member to the member's topic, not ready: whoever reconciles it tells
 * the client. It stays without where the connection hears as many channels as it may.
 */
export async function subscribeMember(
  app: App,
  connection: Connection,
  member: Member,
  beginning: Pick<Subscribing, 'startsAt' | 'requestId'>,
): Promise<Subscribed> {
  const channel = topicChannel(member.topic);
  const subscribed = await app.subscriptions.add(connection, channel, {
    maxChannels: maxChannels(app),
    asMember: member,
    permitted: false,
    readyAt: undefined,
    ...beginning,
  });
  if (subscribed === 'too_many')
    app.logger.warn('too many topics', { ...logged(connection), channel: channel.name });
  return subscribed;
}

async function refuseTooMany(app: App, userId: string): Promise<void> {
  const topics = await app.members.topicsOf(userId);
  if (topics.length < MAX_TOPICS_OF_USER) return;
  const message = `the user is a member of ${topics.length} topics, expected at most ${MAX_TOPICS_OF_USER}`;
  throw new RequestError('too_many_topics', [{ path: 'userId', message }]);
}

/**
 * The user is a member no more. From when this resolves on, no publish to the topic reaches the
 * connections that heard it as a member's; those that subscribed themselves, and may, stay. The
 * member goes first: no connection can subscribe as a member's any more. Returns whether the user
 * was a member.
 */
export async function leave(app: App, topic: string, userId: string): Promise<boolean> {
  const channel = topicChannel(topic);
  const wasMember = await app.members.remove(userId, topic);
  const connections = await openConnections(app, userId);
  await mapConcurrently(connections, CONCURRENT_CONNECTIONS, async (connection) => {
    const { connectionId } = connection;
    const key = { channel, userId, connectionId };
    const subscription = await app.subscriptions.find(key);
    const removed = await app.subscriptions.removeFormerMember(key, topic);
    // Nothing has told its client of the topic yet, and `ready` is the first frame of a connection.
    if (!removed || subscription?.readyAt === undefined) return;
    await tell(app, connection, channel.name);
  });
  return wasMember;
}

/** A client that does not hear of it hears nothing more of the topic all the same. */
async function tell(app: App, connection: Connection, channel: string): Promise<void> {
  if (isExpired(app, connection)) return;
  try {
    await send(app, connection, { event: 'unsubscribed', channel, code: 'removed' });
  } catch (error) {
    app.logger.warn('removal not told', { ...logged(connection), channel, error: asError(error) });
  }
}

const openConnections = async ({ connections }: App, userId: string): Promise<Connection[]> =>
  (await connections.list(userId)).filter(({ bye }) => bye === undefined);
