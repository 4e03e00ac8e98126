/**
 * A client publishes on its own connection: only what its token allows, with its own device as
 * origin.
 */
import type { PublishFrame } from '../../protocol/client-frame.ts';
import { FrameError, type FrameErrorCode, RequestError } from '../../protocol/errors.ts';
import { errorFrame, type OutgoingFrame, type PublishedTo } from '../../protocol/frames.ts';
import { NO_ORIGIN, type Notification } from '../../protocol/notification.ts';
import { allows } from '../../protocol/permissions.ts';
import type { App } from '../app.ts';
import { isExpired, send } from '../connection/send.ts';
import { asError } from '../errors.ts';
import { logged } from '../log-fields.ts';
import type { Connection } from '../model.ts';
import { admit, type Sender } from '../session/admit.ts';
import { type PublishAnswer, publish } from './publish.ts';

/**
 * Answers with `published` or an `error`; a frame beyond the rate of the connection costs next to
 * nothing. If the connection's row is gone, closes the connection, so that its client connects
 * again and has a row.
 */
export async function receivePublish(
  app: App,
  sender: Sender,
  frame: PublishFrame | FrameError,
): Promise<void> {
  if (isExpired(app, sender) || !(await admit(app, sender, frame))) return;
  const connection = await app.connections.find(sender);
  if (connection === undefined) await app.gateway.close({ ...sender, endpoint: app.settings.callbackUrl });
  else if (connection.bye === undefined)
    await send(app, connection, await answer(app, connection, sender, frame));
}

async function answer(
  app: App,
  connection: Connection,
  sender: Sender,
  frame: PublishFrame | FrameError,
): Promise<OutgoingFrame> {
  try {
    if (frame instanceof FrameError) throw frame;
    return await published(app, connection, sender, frame);
  } catch (error) {
    if (error instanceof FrameError) return errorFrame(error);
    app.logger.error('frame failed', { ...logged(connection), action: 'publish', error: asError(error) });
    return errorFrame(
      new FrameError('internal', 'The message could not be published. Try again.', frame.ref),
    );
  }
}

async function published(
  app: App,
  connection: Connection,
  { permissions }: Sender,
  { notification, tab, ref }: PublishFrame,
): Promise<OutgoingFrame> {
  const refused = notification.channels.find((channel) => !allows(permissions.publish, channel));
  if (refused)
    throw new FrameError('forbidden', `the token does not allow to publish to ${refused.name}`, ref);
  const answer = await publishAs(app, withOrigin(notification, connection, tab), ref);
  const [first] = answer.results;
  const isOne = answer.results.length === 1;
  if (isOne && first && 'error' in first)
    throw new FrameError(codeOf(first.error.code), first.error.message, ref);
  return {
    event: 'published',
    ...(ref !== undefined && { ref }),
    id: answer.id,
    results: answer.results.map(toldOf),
  };
}

/** An anonymous device cannot be told from its user's others, so it is no origin. */
function withOrigin(
  notification: PublishFrame['notification'],
  { userId, deviceId }: Connection,
  tab: string | undefined,
): Notification {
  const isOwn = notification.channels.every((channel) => channel.kind === 'user' && channel.owner === userId);
  // In the user's own channel name only the device, as services do: then the client and a service
  // that repeats the message with the same id send the same payload.
  const own = { userId: isOwn ? undefined : userId, deviceId, tab };
  return { ...notification, origin: deviceId === undefined ? NO_ORIGIN : own };
}

async function publishAs(
  app: App,
  notification: Notification,
  ref: string | undefined,
): Promise<PublishAnswer> {
  try {
    return await publish(app, notification);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    throw new FrameError(error.code === 'too_large' ? 'too_large' : 'bad_frame', error.message, ref);
  }
}

/** No counts: they would tell who is connected. */
function toldOf(result: PublishAnswer['results'][number]): PublishedTo {
  const { channel } = result;
  if ('error' in result) return { channel, error: result.error };
  return { channel, seq: result.seq, duplicate: result.duplicate };
}

const codeOf = (code: 'idempotency_conflict' | 'busy' | 'internal'): FrameErrorCode =>
  code === 'busy' ? 'rate_limited' : code;
