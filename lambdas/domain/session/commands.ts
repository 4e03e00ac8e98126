/** What a client may ask for on its connection: ack, sync, ping. */
import type { AckFrame, ClientFrame, SyncFrame } from '../../protocol/client-frame.ts';
import { FrameError } from '../../protocol/errors.ts';
import type { OutgoingFrame } from '../../protocol/frames.ts';
import type { App } from '../app.ts';
import { acknowledge, findStart } from '../cursor.ts';
import { type Channel, type Connection, type Head, ownSubscription, userChannel } from '../model.ts';
import { replay } from './replay.ts';

/** Returns the frame to answer with, if there is one. Throws a {@link FrameError} for a frame that cannot be obeyed. */
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
    case 'sync': {
      checkChannel(frame, subscription.channel, head);
      const after = frame.after ?? (await findStart(app, subscription, head));
      await replay(app, subscription, after, deadlineAt);
      return undefined;
    }
    default:
      return frame satisfies never;
  }
}

type Acknowledging = Pick<Connection, 'userId' | 'deviceId' | 'connectionId'>;

/** Obeys an `ack` whose connection may be gone: the cursor is the device's. */
export async function ackWithoutConnection(app: App, sender: Acknowledging, frame: AckFrame): Promise<void> {
  await ack(app, sender, await app.log.open(userChannel(sender.userId)), frame);
}

async function ack(app: App, sender: Acknowledging, head: Head, frame: AckFrame): Promise<undefined> {
  const channel = userChannel(sender.userId);
  checkChannel(frame, channel, head);
  const { seq, ref } = frame;
  const { deviceId } = sender;
  if (deviceId === undefined) throw new FrameError('bad_frame', 'an anonymous device has no cursor', ref);
  if (seq > head.seq) throw new FrameError('ack_past_head', `the head is ${head.seq}`, ref);
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
