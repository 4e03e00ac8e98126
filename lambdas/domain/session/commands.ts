/** What a client may ask for on its connection: ack, sync, ping. */
import type { AckFrame, ClientFrame, SyncFrame } from '../../protocol/client-frame.ts';
import { FrameError } from '../../protocol/errors.ts';
import type { OutgoingFrame } from '../../protocol/frames.ts';
import type { App } from '../app.ts';
import { markForClose } from '../connection/close.ts';
import { isAbandoned } from '../connection/pause.ts';
import { acknowledge, findStart, isAcknowledged } from '../cursor.ts';
import {
  type Channel,
  type Connection,
  type Head,
  ownSubscription,
  type Subscription,
  userChannel,
} from '../model.ts';
import { replay } from './replay.ts';

const PAUSED_RETRY_MS = 1000;

/**
 * Does what the frame asks for and returns the frame to answer with, if any. Throws a
 * {@link FrameError} for a frame that cannot be carried out.
 */
export async function handleFrame(
  app: App,
  connection: Connection,
  frame: ClientFrame,
  deadlineAt: number,
): Promise<OutgoingFrame | undefined> {
  const subscription = ownSubscription(connection);
  const head = await app.log.open(subscription.channel);
  switch (frame.action) {
    case 'ping':
      return { event: 'pong', epoch: head.epoch, head: head.seq, serverAt: app.clock.now() };
    case 'ack':
      return await ack(app, connection, head, frame);
    case 'sync':
      return await sync(app, subscription, head, { ...frame, deadlineAt });
    default:
      return frame satisfies never;
  }
}

async function sync(
  app: App,
  subscription: Subscription,
  head: Head,
  frame: SyncFrame & { deadlineAt: number },
): Promise<undefined> {
  const { connection, channel } = subscription;
  checkChannel(frame, channel, head);
  if (isAbandoned(app, connection)) await markForClose(app, connection, 'not_reading');
  if (connection.paused) {
    // The connection took no frames a moment ago. When it does again, the reconcile from the queue
    // brings what the device lacks.
    throw new FrameError('rate_limited', 'This connection took no frames.', frame.ref, PAUSED_RETRY_MS);
  }
  const after = await startOfSync(app, subscription, head, frame.after);
  await replay(app, subscription, { after, deadlineAt: frame.deadlineAt });
}

/**
 * In mode `auto` the cursor moves over what follows it and over nothing else: a device that has more
 * than its cursor tells is replayed to from the cursor, or the cursor would stay behind.
 */
async function startOfSync(
  app: App,
  subscription: Subscription,
  head: Head,
  asked: number | undefined,
): Promise<number> {
  const { connection } = subscription;
  if (asked === undefined) return await findStart(app, subscription, head);
  if (connection.deviceId === undefined) return Math.max(asked, earliest(connection, head));
  if (connection.ackMode === 'client') return asked;
  return Math.min(asked, await findStart(app, subscription, head));
}

/** An anonymous device may ask for what it missed since it connected. */
const earliest = ({ startsAt }: Connection, { epoch, seq }: Head): number =>
  startsAt?.epoch === epoch ? startsAt.seq : seq;

type Acknowledging = Pick<Connection, 'userId' | 'deviceId' | 'connectionId'>;

/**
 * Whether the device's cursor has come as far as an `ack` says: then only the device need be read.
 * False: the ack may move the cursor.
 */
export async function isOldAck(app: App, sender: Acknowledging, frame: ClientFrame): Promise<boolean> {
  const { userId, deviceId } = sender;
  if (frame.action !== 'ack' || deviceId === undefined) return false;
  const channel = userChannel(userId);
  if (frame.channel !== undefined && frame.channel !== channel.name) return false;
  return await isAcknowledged(app, { userId, deviceId }, channel, frame);
}

/** Carries out an `ack` whose connection may be gone: the cursor is the device's. */
export async function ackWithoutConnection(app: App, sender: Acknowledging, frame: AckFrame): Promise<void> {
  await ack(app, sender, await app.log.open(userChannel(sender.userId)), frame);
}

async function ack(app: App, sender: Acknowledging, head: Head, frame: AckFrame): Promise<undefined> {
  const channel = userChannel(sender.userId);
  checkChannel(frame, channel, head);
  const { seq, ref } = frame;
  const { deviceId } = sender;
  if (deviceId === undefined) throw new FrameError('bad_frame', 'an anonymous device has no cursor', ref);
  if (seq > head.seq && !(await app.log.has(channel, seq)))
    throw new FrameError('ack_past_head', `the head is ${head.seq}`, ref);
  await acknowledge(app, { ...sender, deviceId }, channel, { epoch: head.epoch, seq });
}

function checkChannel(frame: AckFrame | SyncFrame, { name }: Channel, { epoch }: Head): void {
  if (frame.channel !== undefined && frame.channel !== name) {
    throw new FrameError('unknown_channel', `expected ${name}`, frame.ref);
  }
  if (frame.epoch !== undefined && frame.epoch !== epoch) {
    throw new FrameError('epoch_mismatch', `the epoch is ${epoch}`, frame.ref);
  }
}
