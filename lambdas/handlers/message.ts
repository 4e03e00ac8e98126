/**
 * `$default`: the frames of one WebSocket message in, at most one frame back for each besides a
 * replay.
 */
import type { App } from '../domain/app.ts';
import { type ReceivedFrame, receive } from '../domain/session/receive.ts';
import type { StompSender } from '../domain/stomp/connect.ts';
import { FrameError } from '../protocol/errors.ts';
import type { DialectName } from '../protocol/frames.ts';
import { dialectOf } from '../wire/dialect.ts';
import { type Invocation, type ProxyResult, senderOf, stompSenderOf, type WebSocketEvent } from './events.ts';

/** The module that serves clients of STOMP: loaded for the first of their frames. */
export interface Stomp {
  receive(app: App, sender: StompSender, text: string): Promise<void>;
}

/**
 * A replay begins no window any more when less time is left: the one under way still has to end.
 */
const REPLAY_MARGIN_MS = 9_000;

export const createMessageHandler =
  (app: App, loadStomp: () => Promise<Stomp>) =>
  async ({ requestContext, body = '' }: WebSocketEvent, context: Invocation): Promise<ProxyResult> => {
    if (requestContext.authorizer.stomp) {
      await (await loadStomp()).receive(app, stompSenderOf(requestContext), body);
      return { statusCode: 200 };
    }
    const deadlineAt = app.clock.now() + context.getRemainingTimeInMillis() - REPLAY_MARGIN_MS;
    const sender = senderOf(requestContext);
    await receive(app, sender, framesIn(body, sender.dialect), {
      deadlineAt,
      receivedAt: requestContext.requestTimeEpoch,
    });
    return { statusCode: 200 };
  };

function framesIn(text: string, dialect: DialectName): ReceivedFrame[] {
  try {
    return dialectOf(dialect).parse(text);
  } catch (error) {
    if (error instanceof FrameError) return [error];
    throw error;
  }
}
