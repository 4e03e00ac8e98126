/**
 * What a client may ask for on its connection: ack, sync, ping, subscribe, unsubscribe, send,
 * history, read.
 */
import { allEnded } from '../../concurrency.ts';
import type {
  Ack,
  ClientFrame,
  HistoryRequest,
  ReadRequest,
  SendFrame,
  SyncFrame,
} from '../../protocol/client-frame.ts';
import { FrameError } from '../../protocol/errors.ts';
import type { HistoryFrame, JsonText, OutgoingFrame } from '../../protocol/frames.ts';
import { DEFAULT_INBOX_LIMIT } from '../../protocol/limits.ts';
import type { Permissions } from '../../protocol/permissions.ts';
import type { App } from '../app.ts';
import { heardBy } from '../channel/initial.ts';
import { channelOf, forbidden, mayHear, subscribe, unsubscribe } from '../channel/subscribe.ts';
import { markForClose } from '../connection/close.ts';
import { isAbandoned } from '../connection/pause.ts';
import { acknowledge, findStart, hasBegun, isAcknowledged, seqIn } from '../cursor.ts';
import { type HistoryPage, historyOf, inboxOf } from '../inbox/history.ts';
import { mark, TOO_MANY_SINGLES_RULE } from '../inbox/read-state.ts';
import {
  type Channel,
  type Connection,
  type Head,
  ownSubscription,
  type Position,
  type Subscription,
  userChannel,
} from '../model.ts';
import { replay } from './replay.ts';
import { isAnsweredByStart, startBySync } from './start-by-sync.ts';

const PAUSED_RETRY_MS = 1000;

/** What a frame may be carried out with. */
export interface Means {
  permissions: Permissions;
  /** No window of a replay begins after this instant. */
  deadlineAt: number;
  /** When the frame reached the gateway. */
  receivedAt: number;
}

/**
 * Does what the frame asks for and returns the frame to answer with, if any. Throws a
 * {@link FrameError} for a frame that cannot be carried out.
 */
export async function handleFrame(
  app: App,
  connection: Connection,
  frame: ClientFrame,
  means: Means,
): Promise<OutgoingFrame | undefined> {
  switch (frame.action) {
    case 'ping':
      if (frame.acks) await ack(app, connection, frame.acks, frame.ref);
      return await pong(app, connection);
    case 'ack':
      return await ack(app, connection, frame.acks, frame.ref);
    case 'sync':
      return await sync(app, connection, frame, means);
    case 'subscribe':
      return await subscribe(app, connection, frame, means);
    case 'unsubscribe':
      return await unsubscribe(app, connection, frame);
    case 'send':
      return await sendToApplication(app, connection, frame);
    case 'history':
      return await history(app, connection, frame, means);
    case 'read':
      return await read(app, connection, frame);
    default:
      return frame satisfies never;
  }
}

/**
 * Tells the head of every channel that the connection hears, so that its client sees a gap in each.
 */
async function pong(app: App, connection: Connection): Promise<OutgoingFrame> {
  const own = { channel: userChannel(connection.userId) };
  const [{ head }, ...others] = await app.log.openAll([own, ...heardBy(connection)], connection);
  return {
    event: 'pong',
    epoch: head.epoch,
    head: head.seq,
    subscriptions: others.map(({ channel, head: { epoch, seq } }) => ({
      channel: channel.name,
      epoch,
      head: seq,
    })),
    serverAt: app.clock.now(),
  };
}

async function sync(app: App, connection: Connection, frame: SyncFrame, means: Means): Promise<undefined> {
  const { ref } = frame;
  const { deadlineAt } = means;
  const subscription = await heard(app, connection, frame);
  const isOwn = subscription.channel.kind === 'user';
  if (isOwn && isAnsweredByStart(connection, frame, means.receivedAt)) return;
  const isStarting = isOwn && connection.readyAt === undefined && subscription.paused === undefined;
  if (isStarting && frame.epoch === undefined) return await startOn(app, connection, frame, means);
  const head = await app.log.open(subscription.channel, connection);
  checkEpoch(frame, head, ref);
  if (isAbandoned(app, subscription)) await markForClose(app, connection, 'not_reading');
  if (subscription.paused) {
    // The connection took no frames a moment ago. When it does again, the reconcile from the queue
    // brings what the device lacks.
    throw new FrameError('rate_limited', 'This connection took no frames.', ref, PAUSED_RETRY_MS);
  }
  if (isStarting) return await startOn(app, connection, frame, means);
  const after = await startOfSync(app, subscription, head, frame.after);
  if (after === undefined) return;
  await replay(app, subscription, { after, deadlineAt });
}

/** Starts the connection, or syncs it where it was started meanwhile and more is asked for. */
async function startOn(app: App, connection: Connection, frame: SyncFrame, means: Means): Promise<undefined> {
  const { deadlineAt } = means;
  const ready = await startBySync(app, connection, { after: frame.after, deadlineAt });
  return ready && (await sync(app, ready, frame, means));
}

/** The subscription that a frame means. Throws a {@link FrameError} if the connection has none. */
async function heard(
  app: App,
  connection: Connection,
  { channel: name, ref }: SyncFrame,
): Promise<Subscription> {
  const channel = named(connection, name, ref);
  if (channel.kind === 'user') return ownSubscription(connection);
  const { userId, connectionId } = connection;
  const key = { channel, userId, connectionId };
  const subscription = await app.subscriptions.find(key);
  const isLeft =
    subscription !== undefined &&
    channel.kind === 'topic' &&
    !subscription.permitted &&
    (await app.members.find(userId, channel.topic)) === undefined;
  if (isLeft) await app.subscriptions.remove(key);
  if (subscription === undefined || isLeft)
    throw new FrameError('not_subscribed', `the connection does not hear ${channel.name}`, ref);
  return subscription;
}

/** Default: the user's own channel. */
function named(
  { userId }: Pick<Connection, 'userId'>,
  name: string | undefined,
  ref: string | undefined,
): Channel {
  const own = userChannel(userId);
  if (name === undefined || name === own.name) return own;
  const channel = channelOf(name, ref);
  if (channel.kind === 'user') throw new FrameError('unknown_channel', `expected ${own.name}`, ref);
  return channel;
}

/**
 * Where the replay for a `sync` starts.
 * - The earliest start: for an anonymous device, where it began; for a member of a topic, where the
 *   user joined. Any other device may ask for all that is kept.
 * - In mode `auto` the replay starts at the cursor, if the client asked for less: only a replay
 *   from the cursor or before moves the cursor. Example: the cursor is at 5, and the client has all
 *   up to 8. A replay from 8 would leave the cursor at 5.
 *
 * Undefined: the connection is being closed.
 */
async function startOfSync(
  app: App,
  subscription: Subscription,
  head: Head,
  asked: number | undefined,
): Promise<number | undefined> {
  const { deviceId, ackMode, startsAt } = subscription;
  if (asked === undefined) return await findStart(app, subscription, head, startsAt);
  const earliest = seqIn(head, startsAt);
  if (deviceId === undefined) return Math.max(asked, earliest ?? head.seq);
  const after = Math.max(asked, earliest ?? 0);
  if (ackMode === 'client') return after;
  const cursor = await findStart(app, subscription, head, startsAt);
  return cursor === undefined ? undefined : Math.min(after, cursor);
}

type Acknowledging = Pick<Connection, 'userId' | 'deviceId' | 'connectionId'>;

/**
 * Whether a frame is an `ack` that moves no cursor, because the device's cursors stand there or
 * further on. Then the device is all that is read, and not the connection's row.
 */
export async function isOldAck(app: App, sender: Acknowledging, frame: ClientFrame): Promise<boolean> {
  const { deviceId } = sender;
  if (frame.action !== 'ack' || deviceId === undefined) return false;
  for (const one of frame.acks) {
    const channel = named(sender, one.channel, frame.ref);
    if (!(await isAcknowledged(app, { ...sender, deviceId }, channel, one))) return false;
  }
  return true;
}

/** Its connection may be gone: the cursors are the device's. */
export async function ack(
  app: App,
  sender: Acknowledging,
  list: Ack[],
  ref?: string | undefined,
): Promise<undefined> {
  const { deviceId } = sender;
  if (deviceId === undefined) throw new FrameError('bad_frame', 'an anonymous device has no cursor', ref);
  const acks = list.map((one) => ({ ...one, channel: named(sender, one.channel, ref) }));
  const opened = await app.log.openAll(acks, sender);
  const device = { ...sender, deviceId };
  for (const one of opened) await checkAck(app, device, one, ref);
  for (const { channel, head, seq } of opened)
    await acknowledge(app, device, channel, { epoch: head.epoch, seq });
}

async function checkAck(
  app: App,
  device: Acknowledging & { deviceId: string },
  one: Omit<Ack, 'channel'> & { channel: Channel; head: Head },
  ref: string | undefined,
): Promise<void> {
  const { channel, head, seq } = one;
  checkEpoch(one, head, ref);
  if (channel.kind !== 'user' && !(await hasBegun(app, device, channel)))
    throw new FrameError('not_subscribed', `the device has never heard ${channel.name}`, ref);
  if (!(await app.log.has(channel, head, seq)))
    throw new FrameError('ack_past_head', `the head of ${channel.name} is ${head.seq}`, ref);
}

function checkEpoch({ epoch: meant }: { epoch?: string | undefined }, { epoch }: Head, ref?: string): void {
  if (meant !== undefined && meant !== epoch)
    throw new FrameError('epoch_mismatch', `the epoch is ${epoch}`, ref);
}

async function history(
  app: App,
  connection: Connection,
  { channel: name, before, limit = DEFAULT_INBOX_LIMIT, ref }: HistoryRequest,
  { permissions }: Means,
): Promise<OutgoingFrame> {
  const channel = named(connection, name, ref);
  const answer = await historyFrame(app, connection, channel, { before, limit }, permissions, ref);
  return app.fitHistory(connection.dialect, { ...answer, ...(ref !== undefined && { ref }) });
}

async function historyFrame(
  app: App,
  connection: Connection,
  channel: Channel,
  page: HistoryPage,
  permissions: Permissions,
  ref: string | undefined,
): Promise<HistoryFrame<JsonText>> {
  if (channel.kind === 'user')
    return await inboxOf(app, channel, await app.log.open(channel, connection), page, connection);
  const [head, joined] = await allEnded([
    app.log.open(channel),
    joinedBy(app, connection, channel, permissions, ref),
  ]);
  return await historyOf(app, channel, head, { ...page, earliest: seqIn(head, joined) }, connection);
}

/**
 * Where the user joined a topic that only its members may read. Undefined: the user may read all of
 * the channel. Throws a {@link FrameError} where the user may not read it.
 */
async function joinedBy(
  app: App,
  { userId, channels }: Connection,
  channel: Channel,
  permissions: Permissions,
  ref: string | undefined,
): Promise<Position | undefined> {
  if (channel.kind !== 'topic') {
    if (channels.has(channel.name)) return undefined;
    throw new FrameError('unknown_channel', `${channel.name} is switched off`, ref);
  }
  if (mayHear(app, permissions, channel)) return undefined;
  const member = await app.members.find(userId, channel.topic);
  if (member === undefined) throw forbidden(channel, ref);
  return member.joined;
}

/**
 * Marks messages of the inbox. All connections of the user are told of a change by a `read` frame,
 * so the client gets an answer of its own only when the mark is refused.
 */
async function read(app: App, { userId }: Connection, { mark: made, ref }: ReadRequest): Promise<undefined> {
  const marked = await mark(app, userId, made);
  if (!('refused' in marked)) return;
  if (marked.refused === 'too_many')
    throw new FrameError('bad_frame', `unread: ${TOO_MANY_SINGLES_RULE}`, ref);
  throw new FrameError('ack_past_head', `${marked.path}: the head is ${marked.head}`, ref);
}

/** A message to the application: an event on its bus, for whoever it has listen there. */
async function sendToApplication(
  app: App,
  { userId, deviceId, connectionId }: Connection,
  { destination, data, ref }: SendFrame,
): Promise<OutgoingFrame> {
  if (!app.settings.appMessages)
    throw new FrameError('forbidden', 'messages to the application are switched off', ref);
  const sender = { userId, deviceId: deviceId ?? null, connectionId };
  await app.bus.put('Client Message', { ...sender, destination, data, at: app.clock.now() });
  return { event: 'taken', ...(ref !== undefined && { ref }) };
}
