/** A STOMP client subscribes to a destination: a channel by its name in STOMP. */
import { isTopic } from '../../protocol/channel.ts';
import { type StompCommand, StompError } from '../../protocol/stomp.ts';
import { maxChannels, mayHear } from '../channel/subscribe.ts';
import { findStart, seqIn } from '../cursor.ts';
import {
  type Channel,
  type Connection,
  EVERYONE,
  type Head,
  type Member,
  topicChannel,
  userChannel,
} from '../model.ts';
import type { StompApp } from './app.ts';
import type { Socket } from './sockets.ts';

type Subscribe = Extract<StompCommand, { command: 'SUBSCRIBE' }>;

/**
 * Who publishes looks for the connection's row, or the topic's subscription, after its message is
 * stored; here that row is written first, and the pump reads the head after: so nothing is missed
 * in between. Throws a {@link StompError}.
 */
export async function subscribeStomp(
  app: StompApp,
  connection: Connection,
  socket: Socket,
  { id, destination, ack }: Subscribe,
): Promise<void> {
  const channel = channelAt(destination, socket.userId);
  if (socket.subscriptions.has(id)) throw inUse();
  if (socket.subscriptions.size >= app.settings.maxSubscriptions)
    throw new StompError(
      'too_many_subscriptions',
      `expected at most ${app.settings.maxSubscriptions} subscriptions`,
    );
  const { connectionId, userId, deviceId } = connection;
  const { permitted, member } = await permissionOf(app, socket, channel);
  const head = await app.log.open(channel, connection);
  const startsAt = permitted ? undefined : member?.joined;
  const seq = await findStart(
    app,
    { userId, connectionId, deviceId, channel, startsAt },
    head,
    member?.joined,
  );
  if (seq === undefined) return;
  if (channel.kind !== 'user') await hear(app, connection, channel, { permitted, member, head });
  const subscription = {
    key: app.ids.next(),
    channel: channel.name,
    destination,
    ack,
    replayThrough: head.seq,
    sent: { epoch: head.epoch, seq: Math.max(seq, seqIn(head, startsAt) ?? 0) },
  };
  const outcome = await app.sockets.subscribe(connectionId, id, subscription, app.ids.next());
  if (outcome === 'in_use') throw inUse();
  app.logger.info('subscribed', { userId, connectionId, channel: channel.name, cursor: seq, head: head.seq });
}

const inUse = (): StompError => new StompError('bad_frame', 'id: another subscription has it');

/** Throws a {@link StompError}. */
function channelAt(destination: string, userId: string): Channel {
  const [, first, second, third, ...more] = destination.split('/');
  if (first === 'topic' && second !== undefined && third === undefined) {
    if (second === EVERYONE.name) return EVERYONE;
    if (isTopic(second)) return topicChannel(second);
  }
  if (first === 'user' && third) {
    if (second === 'queue' || second === 'topic') return userChannel(userId);
    if ((third === 'queue' || third === 'topic') && more.length > 0) {
      if (decoded(second) === userId) return userChannel(userId);
      throw new StompError('forbidden', "destination: another user's");
    }
  }
  throw new StompError(
    'unknown_destination',
    'destination: expected /user/queue/ and a name, or /topic/ and a name',
  );
}

function decoded(part: string | undefined): string | undefined {
  return part?.replaceAll('%2F', '/').replaceAll('%2f', '/');
}

/** Throws a {@link StompError}. */
async function permissionOf(
  app: StompApp,
  { userId, permissions }: Socket,
  channel: Channel,
): Promise<{ permitted: boolean; member: Member | undefined }> {
  if (channel.kind === 'user') return { permitted: true, member: undefined };
  const permitted = channel.kind === 'everyone' ? app.settings.everyone : mayHear(app, permissions, channel);
  const member = channel.kind === 'topic' ? await app.members.find(userId, channel.topic) : undefined;
  if (permitted || member) return { permitted, member };
  throw forbidden();
}

const forbidden = (): StompError =>
  new StompError('forbidden', 'destination: neither the token nor a membership allows it');

/** Throws a {@link StompError}. */
async function hear(
  app: StompApp,
  connection: Connection,
  channel: Channel,
  { permitted, member, head }: { permitted: boolean; member: Member | undefined; head: Head },
): Promise<void> {
  const outcome = await app.subscriptions.add(connection, channel, {
    maxChannels: maxChannels(app),
    asMember: permitted ? undefined : member,
    permitted,
    readyAt: app.clock.now(),
    // Only what it may not hear is kept from it here: how far it has come, its socket knows.
    startsAt: permitted ? undefined : (member?.joined ?? { epoch: head.epoch, seq: head.seq }),
    requestId: undefined,
  });
  if (outcome === 'no_member') throw forbidden();
  if (outcome === 'too_many')
    throw new StompError(
      'too_many_subscriptions',
      `expected at most ${app.settings.maxSubscriptions} topics`,
    );
}

/** An id that is not known is ignored: its subscription is over. */
export async function unsubscribeStomp(app: StompApp, socket: Socket, id: string | undefined): Promise<void> {
  const subscription = id === undefined ? undefined : socket.subscriptions.get(id);
  if (id === undefined || subscription === undefined) return;
  const { connectionId, userId } = socket;
  await app.sockets.unsubscribe(connectionId, id, subscription.key);
  const others = [...socket.subscriptions].some(
    ([other, { channel }]) => other !== id && channel === subscription.channel,
  );
  const channel = channelAt(subscription.destination, userId);
  if (!others && channel.kind !== 'user') await app.subscriptions.remove({ channel, userId, connectionId });
}
