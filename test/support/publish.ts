/** Publishes as a service does that names nothing but what it must. */
import type { App } from '../../lambdas/domain/app.ts';
import type { Channel } from '../../lambdas/domain/model.ts';
import { type Published, publish } from '../../lambdas/domain/publish/publish.ts';
import { userChannel } from '../../lambdas/protocol/channel.ts';
import { NO_ORIGIN, type Notification } from '../../lambdas/protocol/notification.ts';

/** `to`: a user, or another channel. Rejects if the message was not stored. */
export async function publishTo(
  app: App,
  to: string | Channel,
  data: unknown,
  options: Partial<Notification> = {},
): Promise<Published> {
  const notification: Notification = {
    channels: [typeof to === 'string' ? userChannel(to) : to],
    type: 'test',
    data,
    id: undefined,
    origin: NO_ORIGIN,
    collapseKey: undefined,
    retentionSeconds: undefined,
    trace: false,
    ...options,
  };
  const [result] = (await publish(app, notification)).results;
  if (!result || 'error' in result) throw new Error(`not published: ${JSON.stringify(result)}`);
  return result;
}
