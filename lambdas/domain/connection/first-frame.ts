/** What becomes of a connection, or a subscription, that was sent its first frame. */
import type { App } from '../app.ts';
import type { Subscription } from '../model.ts';
import { closeConnection } from './close.ts';
import { requestOf, stayPaused } from './pause.ts';
import { delaySecondsOf, forgetGone, mayBeOpening, OPENING_DELAY, type SendOutcome } from './send.ts';

/** False: what was refused is seen to, and there is nothing to replay to. */
export async function isAccepted(
  app: App,
  subscription: Subscription,
  outcome: SendOutcome,
  { cursor, startId }: { cursor: number; startId?: string | undefined },
): Promise<boolean> {
  switch (outcome) {
    case 'sent':
      return true;
    case 'expired':
      await closeConnection(app, subscription, 'token_expired');
      return false;
    case 'gone':
      // The handshake is not over yet.
      if (mayBeOpening(app, subscription)) await lookAgain(app, subscription, startId);
      else await forgetGone(app, subscription);
      return false;
    default:
      await stayPaused(app, subscription, cursor);
      return false;
  }
}

/** When a connection has had time to become ready. */
export const lookAgain = (app: App, subscription: Subscription, startId?: string): Promise<void> =>
  app.later.reconcile(
    { ...requestOf(subscription), ...(startId !== undefined && { startId }) },
    delaySecondsOf(app, subscription, OPENING_DELAY),
  );
