/** A client subscribes to a topic and unsubscribes from it. */
import { CHANNEL_RULE, parseChannel } from '../../protocol/channel.ts';
import type { SubscribeFrame, UnsubscribeFrame } from '../../protocol/client-frame.ts';
import { FrameError } from '../../protocol/errors.ts';
import type { OutgoingFrame } from '../../protocol/frames.ts';
import { allows, type Permissions } from '../../protocol/permissions.ts';
import type { App } from '../app.ts';
import { pause } from '../connection/pause.ts';
import { sendWithRetry } from '../connection/send.ts';
import { findStart, seqIn, startAfter } from '../cursor.ts';
import { logged } from '../log-fields.ts';
import {
  type Channel,
  type Connection,
  type Head,
  type Member,
  ownSubscription,
  type Position,
  type Subscription,
} from '../model.ts';
import { replay } from '../session/replay.ts';

/** Channels that a connection may hear besides its user's own. */
export const maxChannels = ({ settings }: App): number =>
  settings.maxSubscriptions + (settings.everyone ? 1 : 0);

/** The channel that a frame names. Throws a {@link FrameError}. */
export function channelOf(name: string, ref: string | undefined): Channel {
  const channel = parseChannel(name);
  if (channel === undefined) throw new FrameError('bad_frame', `channel: expected ${CHANNEL_RULE}`, ref);
  return channel;
}

/** Whether the token or the stack lets the user hear a channel, whoever its members are. */
export const mayHear = ({ settings }: App, { subscribe }: Permissions, channel: Channel): boolean =>
  channel.kind === 'topic' &&
  (allows(subscribe, channel) ||
    allows(
      settings.openTopics.map((pattern) => `topic:${pattern}`),
      channel,
    ));

/**
 * Its row is written before the head is read, and the head before the replay: so a publisher either
 * sees the row, or is seen by the replay. Throws a {@link FrameError}.
 */
export async function subscribe(
  app: App,
  connection: Connection,
  frame: SubscribeFrame,
  { permissions, deadlineAt }: { permissions: Permissions; deadlineAt: number },
): Promise<OutgoingFrame | undefined> {
  const channel = channelOf(frame.channel, frame.ref);
  if (channel.kind !== 'topic') return await alreadyHeard(app, connection, channel, frame);
  const permitted = mayHear(app, permissions, channel);
  const member = await app.members.find(connection.userId, channel.topic);
  if (!permitted && member === undefined) throw forbidden(channel, frame.ref);
  const subscription = await add(app, connection, channel, { frame, permitted, member });
  if (subscription === undefined) return undefined;
  const head = await app.log.open(channel);
  const { after, epoch } = frame;
  const start =
    after === undefined
      ? await findStart(app, subscription, head, member?.joined)
      : await startAfter(app, subscription, head, { after, epoch });
  if (start === undefined) return undefined;
  const answered = await sendWithRetry(app, connection, subscribedFrame(channel, head, start, frame.ref));
  app.logger.info('subscribed', { ...logged(connection), channel: channel.name, cursor: start, answered });
  if (answered === 'sent') await replay(app, subscription, { after: start, deadlineAt, skipIfNone: true });
  // The answer may have arrived all the same: what was missed follows later. Who did not hear it
  // asks again.
  else if (answered === 'throttled' || answered === 'failed') await pause(app, subscription, start);
  return undefined;
}

interface Adding {
  frame: SubscribeFrame;
  permitted: boolean;
  member: Member | undefined;
}

/** Undefined: the connection is gone. */
async function add(
  app: App,
  connection: Connection,
  channel: Channel,
  { frame, permitted, member }: Adding,
): Promise<Subscription | undefined> {
  const startsAt = await earliest(app, connection, channel, { frame, permitted, member });
  const readyAt = app.clock.now();
  const outcome = await app.subscriptions.add(connection, channel, {
    maxChannels: maxChannels(app),
    asMember: permitted ? undefined : member,
    permitted,
    readyAt,
    startsAt,
    requestId: undefined,
  });
  switch (outcome) {
    case 'subscribed':
      return { ...connection, channel, permitted, readyAt, startsAt, paused: undefined };
    case 'already':
      return await again(app, connection, channel, permitted);
    case 'no_member':
      throw forbidden(channel, frame.ref);
    case 'too_many': {
      const message = `expected at most ${app.settings.maxSubscriptions} subscriptions`;
      throw new FrameError('too_many_subscriptions', message, frame.ref);
    }
    default:
      return undefined;
  }
}

/** Where the subscription reaches back to at most. Undefined: as far as messages are kept. */
async function earliest(
  app: App,
  { deviceId }: Connection,
  channel: Channel,
  { frame, permitted, member }: Adding,
): Promise<Position | undefined> {
  const joined = permitted ? undefined : member?.joined;
  if (deviceId !== undefined) return joined;
  const head = await app.log.open(channel);
  const { epoch, seq } = head;
  const after = frame.epoch === undefined || frame.epoch === epoch ? frame.after : 0;
  return { epoch, seq: Math.max(seqIn(head, joined) ?? 0, Math.min(after ?? seq, seq)) };
}

/** It hears the channel as its user's already, or has asked before. */
async function again(
  app: App,
  { userId, connectionId }: Connection,
  channel: Channel,
  permitted: boolean,
): Promise<Subscription | undefined> {
  const key = { channel, userId, connectionId };
  const standing = await app.subscriptions.find(key);
  if (standing === undefined) return undefined;
  if (permitted && !standing.permitted) await app.subscriptions.permit(standing);
  const readyAt = standing.readyAt ?? app.clock.now();
  if (standing.readyAt === undefined)
    await app.subscriptions.begin(key, { readyAt, startsAt: standing.startsAt, request: undefined });
  const isFree = permitted && standing.deviceId !== undefined;
  return {
    ...standing,
    readyAt,
    permitted: permitted || standing.permitted,
    startsAt: isFree ? undefined : standing.startsAt,
  };
}

/** The own channel and that of everyone are heard without asking: nothing changes. */
async function alreadyHeard(
  app: App,
  connection: Connection,
  channel: Channel,
  frame: SubscribeFrame,
): Promise<OutgoingFrame | undefined> {
  const isOwn = channel.kind === 'user' && channel.owner === connection.userId;
  if (!isOwn && !connection.channels.has(channel.name))
    throw new FrameError(
      'unknown_channel',
      `expected a topic, or ${ownSubscription(connection).channel.name}`,
      frame.ref,
    );
  const head = await app.log.open(channel, connection);
  const cursor = await findStart(app, { ...connection, channel }, head);
  return cursor === undefined ? undefined : subscribedFrame(channel, head, cursor, frame.ref);
}

/** `ref`: of the frame that it answers. Undefined: the client has not asked. */
export const subscribedFrame = (
  { name }: Channel,
  { epoch, seq }: Head,
  cursor: number,
  ref?: string,
): OutgoingFrame => ({
  event: 'subscribed',
  channel: name,
  epoch,
  head: seq,
  cursor,
  ...(ref !== undefined && { ref }),
});

/** Neither lets the user hear the topic. */
export const forbidden = ({ name }: Channel, ref: string | undefined): FrameError =>
  new FrameError('forbidden', `${name}: neither the token nor a membership allows it`, ref);

/**
 * From when this resolves on, no publish reaches the connection any more. Throws a {@link
 * FrameError}.
 */
export async function unsubscribe(
  app: App,
  { userId, connectionId }: Connection,
  { channel: name, ref }: UnsubscribeFrame,
): Promise<OutgoingFrame> {
  const channel = channelOf(name, ref);
  if (channel.kind !== 'topic')
    throw new FrameError('bad_frame', `channel: ${name} is heard as long as the connection is open`, ref);
  await app.subscriptions.remove({ channel, userId, connectionId });
  return { event: 'unsubscribed', channel: name, code: 'requested', ...(ref !== undefined && { ref }) };
}
