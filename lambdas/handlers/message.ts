/** `$default`: one client frame in, at most one frame back besides a replay. */
import type { App } from '../domain/app.ts';
import { logged, markForClose } from '../domain/connection/close.ts';
import type { NewConnection } from '../domain/connection/open.ts';
import { isExpired, post } from '../domain/connection/send.ts';
import { Busy, type Connection } from '../domain/ports.ts';
import { asError } from '../domain/publish/deliver.ts';
import { ackWithoutConnection, handleFrame } from '../domain/session/handle-frame.ts';
import { type ClientFrame, parseClientFrame } from '../protocol/client-frame.ts';
import { FrameError } from '../protocol/errors.ts';
import { encodeError } from '../protocol/frames.ts';
import { type Invocation, identify, type ProxyResult, type WebSocketEvent } from './events.ts';

/** A replay begins no window any more when less time is left: the one under way still has to end. */
const REPLAY_MARGIN_MS = 9_000;

/**
 * A connection whose row is gone is closed, so that its client comes back with one; one that is being closed gets nothing but its
 * `bye`; neither is obeyed any more, but for a last ack.
 */
export const createMessageHandler =
  (app: App) =>
  async ({ requestContext, body }: WebSocketEvent, context: Invocation): Promise<ProxyResult> => {
    const deadlineAt = app.clock.now() + context.getRemainingTimeInMillis() - REPLAY_MARGIN_MS;
    const sender = identify(requestContext);
    const connection = await app.connections.find(sender);
    if (connection === undefined) {
      await handleLastAck(app, sender, body);
      await app.gateway.close({ ...sender, endpoint: app.settings.callbackUrl });
    } else if (connection.bye === undefined) {
      await serve(app, connection, body, deadlineAt);
    }
    return { statusCode: 200 };
  };

async function serve(
  app: App,
  connection: Connection,
  body: string | undefined,
  deadlineAt: number,
): Promise<void> {
  const reply = isExpired(app, connection) ? undefined : await answer(app, connection, body, deadlineAt);
  if (reply !== undefined) await post(app, connection, reply);
  if (isExpired(app, connection)) await markForClose(app, connection, 'token_expired');
}

/** The ack of a client that closes is often overtaken by its `$disconnect`. It counts all the same, and is not answered. */
async function handleLastAck(app: App, sender: NewConnection, body: string | undefined): Promise<void> {
  try {
    const frame = parseClientFrame(body);
    if (frame.action === 'ack' && !isExpired(app, sender)) await ackWithoutConnection(app, sender, frame);
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
  }
}

/** A frame that fails is answered and otherwise ignored: it never closes the connection. */
async function answer(
  app: App,
  connection: Connection,
  body: string | undefined,
  deadlineAt: number,
): Promise<string | undefined> {
  let frame: ClientFrame | undefined;
  try {
    frame = parseClientFrame(body);
    return await handleFrame(app, connection, frame, deadlineAt);
  } catch (error) {
    if (error instanceof FrameError) return encodeError(error);
    if (error instanceof Busy) app.logger.metrics({ busy: 1 });
    app.logger.error('frame failed', { ...logged(connection), action: frame?.action, error: asError(error) });
    return encodeError(
      error instanceof Busy
        ? new FrameError('rate_limited', 'Too much is asked at once. Try again.', frame?.ref)
        : new FrameError('internal', 'The frame could not be obeyed. Try again.', frame?.ref),
    );
  }
}
