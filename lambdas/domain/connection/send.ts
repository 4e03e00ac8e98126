/**
 * How frames are sent: nothing after the token's expiry. The row of a connection that is gone is
 * removed. Three kinds of frames go past this file: `bye` (`close.ts`), the refusal of too many
 * frames (`session/admit.ts`), and what a socket of STOMP without a user is answered (`stomp/`).
 */
import type { OutgoingFrame } from '../../protocol/frames.ts';
import type { App } from '../app.ts';
import { backOff } from '../back-off.ts';
import type { ConnectionKey, Subscription } from '../model.ts';
import type { PostOutcome, Recipient } from '../ports/gateway.ts';

/** Who a frame is sent to: a connection, or a subscription of one. */
export type Addressee = ConnectionKey &
  Recipient &
  Pick<Subscription, 'tokenExpiresAt' | 'connectedAt' | 'readyAt'>;

/**
 * API Gateway answers 410 for a connection that is still opening, as for a connection that is gone.
 * A handshake ends within the integration time-out of 29 s, so we believe a 410 when the row is
 * twice as old.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 */
const YOUNG_MS = 60_000;

/**
 * Waiting here holds up the other connections of the batch: a connection that takes longer is tried
 * again later.
 */
const IN_PLACE_MS = 100;
const RETRY_BASE_MS = 10;
const RETRY_CAP_MS = 50;

/** `expired`: the token has expired, and nothing was posted. */
export type SendOutcome = PostOutcome | 'expired';

export const isExpired = ({ clock }: App, { tokenExpiresAt }: Pick<Addressee, 'tokenExpiresAt'>): boolean =>
  tokenExpiresAt <= clock.now();

const isYoung = ({ clock }: App, { connectedAt }: Addressee): boolean => clock.now() - connectedAt < YOUNG_MS;

/** Whether `gone` may mean "not yet". */
export const mayBeOpening = (app: App, connection: Addressee): boolean =>
  connection.readyAt === undefined && isYoung(app, connection);

/** The queue takes no longer delay. */
const MAX_DELAY_SECONDS = 900;

/**
 * When we try again what a connection did not allow: after `part` of its age, at least
 * `leastSeconds`. The queue may deliver a request twice; growing delays keep the copies few.
 */
export const delaySecondsOf = (
  { clock }: App,
  { connectedAt }: Addressee,
  { part, leastSeconds }: { part: number; leastSeconds: number },
): number => {
  const ageSeconds = (clock.now() - connectedAt) / 1000;
  return Math.min(MAX_DELAY_SECONDS, Math.max(leastSeconds, Math.ceil(ageSeconds * part)));
};

/** Until a handshake is over. */
export const OPENING_DELAY = { part: 0.5, leastSeconds: 1 };

/**
 * Sends a frame once. Of a young connection that has taken its `ready`, a 410 counts as a failure:
 * the connection is tried again, until its `$disconnect` removes the row.
 */
export async function send(app: App, connection: Addressee, frame: OutgoingFrame): Promise<SendOutcome> {
  if (isExpired(app, connection)) return 'expired';
  const outcome = await app.gateway.post(connection, frame);
  if (outcome === 'sent') app.acceptances.add(connection.connectionId, app.clock.now());
  if (outcome === 'throttled') app.logger.metrics({ postsThrottled: 1 });
  if (outcome !== 'gone' || frame.event === 'ready' || !isYoung(app, connection)) return outcome;
  app.logger.metrics({ youngGone: 1 });
  return 'failed';
}

/** What a frame is sent again after. A frame that `failed` may have arrived all the same. */
const REFUSED: readonly SendOutcome[] = ['throttled', 'failed'];

/** Sends a frame, and again for a moment when it is refused. */
export async function sendWithRetry(
  app: App,
  connection: Addressee,
  frame: OutgoingFrame,
  refused = REFUSED,
): Promise<SendOutcome> {
  const deadlineAt = app.clock.now() + IN_PLACE_MS;
  for (let attempt = 0; ; attempt++) {
    const outcome = await send(app, connection, frame);
    if (!refused.includes(outcome)) return outcome;
    if (app.clock.now() >= deadlineAt) return outcome;
    await backOff(app, attempt, RETRY_BASE_MS, RETRY_CAP_MS);
  }
}

/** Removes the rows of a connection that is gone. */
export async function forgetGone(app: App, subscription: Subscription): Promise<void> {
  await app.connections.remove(subscription);
  // Its connection's row may have gone before, without this one.
  if (subscription.channel.kind !== 'user') await app.subscriptions.remove(subscription);
}
