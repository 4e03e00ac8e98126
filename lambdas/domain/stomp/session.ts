/** Takes the frames of a STOMP connection: `CONNECT` first, then what its client asks for. */
import { parseChannel } from '../../protocol/channel.ts';
import { FrameError } from '../../protocol/errors.ts';
import {
  type StompCommand,
  StompError,
  type StompErrorCode,
  type UnreadFrame,
  versionOf,
} from '../../protocol/stomp.ts';
import { markForClose } from '../connection/close.ts';
import { isExpired } from '../connection/send.ts';
import { asError, Busy } from '../errors.ts';
import { logged } from '../log-fields.ts';
import type { Connection } from '../model.ts';
import { acknowledge } from './acknowledge.ts';
import type { StompApp } from './app.ts';
import { answer, connect, forget, type StompSender } from './connect.ts';
import { PENDING_MS } from './pending.ts';
import { sendFrame } from './send-frame.ts';
import type { Socket } from './sockets.ts';
import { subscribeStomp, unsubscribeStomp } from './subscribe.ts';

/**
 * Obeys the frames of one WebSocket message, one after the other. One that cannot be obeyed is
 * answered with `ERROR`, and the connection is closed: those behind it are not obeyed. No frame at
 * all is a heart-beat.
 */
export async function receiveStomp(
  app: StompApp,
  sender: StompSender,
  frames: Iterable<UnreadFrame>,
): Promise<void> {
  let socket = await app.sockets.find(sender.connectionId);
  let frame: UnreadFrame | undefined;
  const version = () => (socket ? versionOf(socket.dialect) : '1.0');
  try {
    for (frame of frames) {
      const command = frame.read(version());
      admit(app, sender, command);
      const next = await obey(app, sender, socket, command, frame.receipt(version()));
      if (next === 'over') return;
      socket = next;
    }
    if (frame !== undefined) return;
    if (socket) await heartBeat(app, socket);
    else await closeLeftOver(app, sender);
  } catch (error) {
    await refuse(app, sender, socket, toStompError(app, sender, error), frame?.receipt(version()));
  }
}

/** Acks come in numbers that the messages decide, and are not counted. */
function admit(app: StompApp, { connectionId }: StompSender, { command }: StompCommand): void {
  if (command === 'ACK' || command === 'NACK') return;
  if (app.frameRates.admit(connectionId, app.clock.now()).admitted) return;
  throw new StompError('rate_limited', 'Too many frames. Send fewer.');
}

/** The socket to go on with, or that no more is to be obeyed. */
async function obey(
  app: StompApp,
  sender: StompSender,
  socket: Socket | undefined,
  command: StompCommand,
  receipt: string | undefined,
): Promise<Socket | 'over'> {
  if (command.command === 'CONNECT') {
    if (socket) throw new StompError('already_connected', 'The connection has said CONNECT before.');
    return (await connect(app, sender, command.connect)) ?? 'over';
  }
  if (socket === undefined) throw new StompError('not_connected', 'expected CONNECT first');
  if (isExpired(app, socket)) {
    await markForClose(app, socket, 'token_expired');
    return 'over';
  }
  const connection = await app.connections.find(socket);
  // A last ack is often overtaken by the end of its connection: the cursor is the device's.
  if (command.command === 'ACK') await acknowledge(app, socket, command.messageId);
  // Its row is gone: its client connects again, and has one.
  else if (connection === undefined) return await over(app, socket);
  else if (connection.bye) return 'over';
  else await carryOut(app, connection, socket, command);
  const isTold =
    receipt === undefined ||
    !connection ||
    (await answer(app, connection, { event: 'stomp.receipt', receipt }));
  if (isTold && command.command !== 'DISCONNECT')
    return (await app.sockets.find(socket.connectionId)) ?? 'over';
  // What it waits for may never come: then it does better to connect again.
  return await over(app, socket);
}

async function over(app: StompApp, socket: Socket): Promise<'over'> {
  await forget(app, socket);
  return 'over';
}

async function carryOut(
  app: StompApp,
  connection: Connection,
  socket: Socket,
  command: Exclude<StompCommand, { command: 'CONNECT' | 'ACK' }>,
): Promise<void> {
  switch (command.command) {
    case 'SUBSCRIBE':
      return await subscribeStomp(app, connection, socket, command);
    case 'UNSUBSCRIBE':
      return await unsubscribeStomp(app, socket, command.id);
    case 'SEND':
      return await sendFrame(app, connection, socket, command);
    // What is refused stays unacknowledged, and comes again in the next connection.
    case 'NACK':
    case 'DISCONNECT':
      return;
    default:
      command satisfies never;
  }
}

/** The only clock that a client of STOMP gives: what was missed is found by it at last. */
async function heartBeat(app: StompApp, socket: Socket): Promise<void> {
  if (isExpired(app, socket)) return await markForClose(app, socket, 'token_expired');
  const heard = [...socket.subscriptions.values()].flatMap(({ channel: name, sent }) => {
    const channel = parseChannel(name);
    return channel ? [{ channel, sent }] : [];
  });
  for (const { channel, sent, head } of await app.log.openAll(heard, socket)) {
    if (sent.epoch === head.epoch && sent.seq >= head.seq) continue;
    await app.subscriptions.announce(socket.connectionId, channel.name, app.ids.next());
  }
}

/** Its rows are gone, and it has had its time to say `CONNECT`: its client connects again. */
async function closeLeftOver(app: StompApp, { connectionId, connectedAt }: StompSender): Promise<void> {
  if (app.clock.now() - connectedAt < 2 * PENDING_MS) return;
  await app.gateway.close({ connectionId, endpoint: app.settings.callbackUrl });
}

async function refuse(
  app: StompApp,
  { connectionId, address }: StompSender,
  socket: Socket | undefined,
  { code, message }: StompError,
  receipt: string | undefined,
): Promise<void> {
  app.logger.metrics({ stompRefused: 1 }, 'stomp refused', { connectionId, code });
  if (socket === undefined) await app.pending.refuse({ connectionId, address });
  const recipient = {
    connectionId,
    dialect: socket?.dialect ?? 'v10.stomp',
    endpoint: app.settings.callbackUrl,
  };
  await app.gateway.post(recipient, { event: 'stomp.error', code, message, receipt });
  if (socket) await forget(app, socket);
  else await app.gateway.close({ connectionId, endpoint: app.settings.callbackUrl });
}

const OF_FRAME_ERROR: Partial<Record<string, StompErrorCode>> = {
  forbidden: 'forbidden',
  too_many_subscriptions: 'too_many_subscriptions',
  rate_limited: 'rate_limited',
  internal: 'internal',
};

function toStompError(app: StompApp, { connectionId }: StompSender, error: unknown): StompError {
  if (error instanceof StompError) return error;
  if (error instanceof FrameError)
    return new StompError(OF_FRAME_ERROR[error.code] ?? 'bad_frame', error.message);
  app.logger.error('frame failed', { ...logged({ userId: '', connectionId }), error: asError(error) });
  return error instanceof Busy
    ? new StompError('rate_limited', 'Too much is asked at once. Connect again.')
    : new StompError('internal', 'The frame could not be obeyed. Connect again.');
}
