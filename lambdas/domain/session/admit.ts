/** Who sends frames, and how many: one beyond the rate of its connection costs next to nothing. */
import { FrameError } from '../../protocol/errors.ts';
import { errorFrame } from '../../protocol/frames.ts';
import type { Permissions } from '../../protocol/permissions.ts';
import type { App } from '../app.ts';
import type { NewConnection } from '../connection/open.ts';
import { isExpired } from '../connection/send.ts';

/** Who sends frames, as its token says. */
export interface Sender extends NewConnection {
  permissions: Permissions;
}

/**
 * Whether a frame is within the rate of its connection. If not, its client is told, once a second
 * at most.
 */
export async function admit(
  app: App,
  sender: Sender,
  { ref }: { ref?: string | undefined },
): Promise<boolean> {
  const admission = app.frameRates.admit(sender.connectionId, app.clock.now());
  if (admission.admitted) return true;
  if (admission.tell && !isExpired(app, sender)) {
    const message = 'Too many frames. Send fewer.';
    const error = new FrameError('rate_limited', message, ref, admission.retryAfterMs);
    await app.gateway.post({ ...sender, endpoint: app.settings.callbackUrl }, errorFrame(error));
  }
  return false;
}
