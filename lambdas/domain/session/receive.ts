/** Takes the frames that arrive on a connection and answers them. */
import type { ClientFrame } from '../../protocol/client-frame.ts';
import { FrameError } from '../../protocol/errors.ts';
import { errorFrame, type OutgoingFrame } from '../../protocol/frames.ts';
import type { App } from '../app.ts';
import { markForClose } from '../connection/close.ts';
import { isExpired, send } from '../connection/send.ts';
import { asError, Busy } from '../errors.ts';
import { logged } from '../log-fields.ts';
import type { Connection } from '../model.ts';
import { admit, type Sender } from './admit.ts';
import { ack, handleFrame, isOldAck, type Means } from './commands.ts';

/** A frame, or why it could not be read. */
export type ReceivedFrame = ClientFrame | FrameError;

/**
 * Handles frames one after the other.
 * - A frame beyond the rate of the connection, and an ack that moves nothing, end before we read
 *   the connection's row.
 * - If the row is gone, we close the connection, so that its client connects again and has a row.
 *   Of its frames only an ack still counts.
 * - If the connection is being closed, it gets nothing but its `bye`, and its frames do not count.
 */
export async function receive(
  app: App,
  sender: Sender,
  frames: ReceivedFrame[],
  means: Omit<Means, 'permissions'>,
): Promise<void> {
  const admitted: ReceivedFrame[] = [];
  for (const frame of frames) if (await mayCost(app, sender, frame)) admitted.push(frame);
  if (admitted.length === 0) return;
  const connection = await app.connections.find(sender);
  if (connection === undefined) {
    for (const frame of admitted) await handleLastAck(app, sender, frame);
    await app.gateway.close({ ...sender, endpoint: app.settings.callbackUrl });
  } else if (connection.bye === undefined) {
    const { permissions } = sender;
    for (const frame of admitted) await serve(app, connection, frame, { permissions, ...means });
  }
}

/** False: the frame is done with. It exceeded the rate, or is an ack that moves no cursor. */
async function mayCost(app: App, sender: Sender, frame: ReceivedFrame): Promise<boolean> {
  if (!(await admit(app, sender, frame))) return false;
  if (frame instanceof FrameError || isExpired(app, sender)) return true;
  // If the store fails, the ack is handled like any other: that answers the fault.
  return !(await isOldAck(app, sender, frame).catch(() => false));
}

async function serve(app: App, connection: Connection, frame: ReceivedFrame, means: Means): Promise<void> {
  const reply = isExpired(app, connection) ? undefined : await answer(app, connection, frame, means);
  if (reply !== undefined) await send(app, connection, reply);
  if (isExpired(app, connection)) await markForClose(app, connection, 'token_expired');
}

/**
 * A last ack is often overtaken by the `$disconnect` of its client. The ack counts all the same,
 * and is not answered.
 */
async function handleLastAck(app: App, sender: Sender, frame: ReceivedFrame): Promise<void> {
  if (frame instanceof FrameError || frame.action !== 'ack' || isExpired(app, sender)) return;
  try {
    await ack(app, sender, frame.acks, frame.ref);
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
  }
}

/** A frame that fails is answered and otherwise ignored: it never closes the connection. */
async function answer(
  app: App,
  connection: Connection,
  frame: ReceivedFrame,
  means: Means,
): Promise<OutgoingFrame | undefined> {
  if (frame instanceof FrameError) return errorFrame(frame);
  try {
    return await handleFrame(app, connection, frame, means);
  } catch (error) {
    if (error instanceof FrameError) return errorFrame(error);
    if (error instanceof Busy) app.logger.metrics({ busy: 1 });
    app.logger.error('frame failed', { ...logged(connection), action: frame.action, error: asError(error) });
    return errorFrame(
      error instanceof Busy
        ? new FrameError('rate_limited', 'Too much is asked at once. Try again.', frame.ref)
        : new FrameError('internal', 'The frame could not be obeyed. Try again.', frame.ref),
    );
  }
}
