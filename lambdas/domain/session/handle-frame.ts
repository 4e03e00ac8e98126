/** Obeys the frames of a client: ack, sync, ping. */
import type { AckFrame, ClientFrame, SyncFrame } from '../../protocol/client-frame.ts';
import { FrameError } from '../../protocol/errors.ts';
import { encodePong } from '../../protocol/frames.ts';
import type { App } from '../app.ts';
import { openChannel, userChannel } from '../channel.ts';
import { logged } from '../connection/close.ts';
import { lastSeen } from '../cursor.ts';
import type { Connection, Head } from '../ports.ts';
import { replay, startOf } from './replay.ts';

/** Returns the frame to answer with, if there is one. Throws a {@link FrameError} for a frame that cannot be obeyed. */
export async function handleFrame(
  app: App,
  connection: Connection,
  frame: ClientFrame,
  deadlineAt: number,
): Promise<string | undefined> {
  const channel = userChannel(connection.userId);
  const head = await openChannel(app, channel);
  switch (frame.action) {
    case 'ping':
      return encodePong(head.epoch, head.seq, app.clock.now());
    case 'ack':
      return await ack(app, connection, channel, head, frame);
    case 'sync':
      return await sync(app, connection, channel, head, frame, deadlineAt);
    default:
      return frame satisfies never;
  }
}

/** Obeys an `ack` whose connection may be gone: the cursor is the device's. */
export async function ackWithoutConnection(app: App, sender: Acknowledging, frame: AckFrame): Promise<void> {
  const channel = userChannel(sender.userId);
  await ack(app, sender, channel, await openChannel(app, channel), frame);
}

type Acknowledging = Pick<Connection, 'userId' | 'deviceId' | 'connectionId'>;

async function ack(
  app: App,
  sender: Acknowledging,
  channel: string,
  head: Head,
  frame: AckFrame,
): Promise<undefined> {
  checkChannel(frame, channel, head);
  const { seq, ref } = frame;
  const { userId, deviceId } = sender;
  if (deviceId === undefined) throw new FrameError('bad_frame', 'an anonymous device has no cursor', ref);
  if (seq > head.seq) throw new FrameError('ack_past_head', `the head is ${head.seq}`, ref);
  await app.devices.advance({ userId, deviceId }, channel, { epoch: head.epoch, seq }, lastSeen(app));
  app.logger.info('acked', { ...logged(sender), deviceId, channel, through: seq });
}

async function sync(
  app: App,
  connection: Connection,
  channel: string,
  head: Head,
  frame: SyncFrame,
  deadlineAt: number,
): Promise<undefined> {
  checkChannel(frame, channel, head);
  const after = frame.after ?? (await startOf(app, connection, channel, head));
  await replay(app, connection, channel, after, deadlineAt);
}

function checkChannel(frame: AckFrame | SyncFrame, channel: string, { epoch }: Head): void {
  if (frame.channel !== undefined && frame.channel !== channel) {
    throw new FrameError('unknown_channel', `expected ${channel}`, frame.ref);
  }
  if (frame.epoch !== undefined && frame.epoch !== epoch) {
    throw new FrameError('epoch_mismatch', `the epoch is ${epoch}`, frame.ref);
  }
}
