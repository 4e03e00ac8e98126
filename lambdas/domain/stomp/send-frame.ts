/** A STOMP client sends: to the application, to a topic, or an ack by a message's id. */
import { isTopic } from '../../protocol/channel.ts';
import { isDestination, isPublishedType } from '../../protocol/names.ts';
import { allows } from '../../protocol/permissions.ts';
import { type StompCommand, StompError } from '../../protocol/stomp.ts';
import { type Channel, type Connection, EVERYONE, topicChannel, userChannel } from '../model.ts';
import { handleFrame } from '../session/commands.ts';
import { acknowledge } from './acknowledge.ts';
import type { StompApp } from './app.ts';
import { messageIdOf } from './message-id.ts';
import type { Socket } from './sockets.ts';

type Send = Extract<StompCommand, { command: 'SEND' }>;

/** Of a message whose sender names none. */
const DEFAULT_TYPE = 'stomp';

/** Throws a {@link StompError} or a `FrameError`. */
export async function sendFrame(
  app: StompApp,
  connection: Connection,
  socket: Socket,
  { destination, type, body, data }: Send,
): Promise<void> {
  const [, first, ...rest] = destination.split('/');
  const path = rest.join('/');
  if (first === 'app' && path === 'ack') return await acknowledgeById(app, socket, body.trim());
  if (first === 'app') return await sendToApplication(app, connection, socket, path, data);
  if (first === 'topic') return await publishTo(app, connection, socket, path, { type, data });
  throw forbidden();
}

const forbidden = (): StompError =>
  new StompError('forbidden', 'destination: expected /app/ and a path, or a topic that the token allows');

async function sendToApplication(
  app: StompApp,
  connection: Connection,
  { permissions }: Socket,
  destination: string,
  data: unknown,
): Promise<void> {
  if (!isDestination(destination)) throw forbidden();
  const now = app.clock.now();
  const means = { permissions, deadlineAt: now, receivedAt: now };
  await handleFrame(app, connection, { action: 'send', destination, data }, means);
}

/**
 * Hands the message to the bus, as services publish: so this Lambda needs no right to publish, and
 * a receipt says that it was taken.
 */
async function publishTo(
  app: StompApp,
  { userId, deviceId }: Connection,
  { permissions }: Socket,
  topic: string,
  { type = DEFAULT_TYPE, data }: { type: string | undefined; data: unknown },
): Promise<void> {
  const channel = channelOf(topic);
  if (channel === undefined || !allows(permissions.publish, channel)) throw forbidden();
  if (!isPublishedType(type)) throw new StompError('bad_frame', 'type: expected a type of messages');
  await app.bus.put('Notification', {
    to: channel.kind === 'topic' ? { topic: channel.topic } : { everyone: true },
    type,
    data,
    ...(deviceId !== undefined && { excludeUserId: userId, excludeDeviceId: deviceId }),
  });
}

const channelOf = (topic: string): Channel | undefined =>
  topic === EVERYONE.name ? EVERYONE : isTopic(topic) ? topicChannel(topic) : undefined;

/** How many of the newest unacknowledged messages a bare id is looked for among. */
const LOOKED_THROUGH = 100;

/** The message of the user's own channel that has this id. One that is not found is ignored. */
async function acknowledgeById(app: StompApp, socket: Socket, id: string): Promise<void> {
  const channel = userChannel(socket.userId);
  const head = await app.log.open(channel, socket);
  const { messages } = await app.log.read(channel, Math.max(0, head.seq - LOOKED_THROUGH), head);
  const found = messages.find((message) => message.id === id);
  if (found) await acknowledge(app, socket, messageIdOf({ epoch: head.epoch, seq: found.seq }));
}
