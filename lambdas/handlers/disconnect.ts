/** `$disconnect`: forgets the connection. It comes late or not at all, so nothing relies on it. */
import type { App } from '../domain/app.ts';
import type { PendingStore } from '../domain/stomp/sockets.ts';
import {
  addressOf,
  identify,
  isClientFrame,
  NOT_A_ROUTE,
  type ProxyResult,
  type WebSocketEvent,
} from './events.ts';

export type ForgettingApp = Pick<App, 'connections'> & { pending: PendingStore };

export const createDisconnectHandler =
  (app: ForgettingApp) =>
  async ({ requestContext }: WebSocketEvent): Promise<ProxyResult> => {
    if (isClientFrame(requestContext)) return NOT_A_ROUTE;
    if (requestContext.authorizer.stomp) await forgetStomp(app, requestContext);
    else await app.connections.remove(identify(requestContext));
    return { statusCode: 200 };
  };

/** Whose it is, only its rows tell. */
async function forgetStomp(app: ForgettingApp, context: WebSocketEvent['requestContext']): Promise<void> {
  const { connectionId } = context;
  await app.pending.remove({ address: addressOf(context), connectionId }, { evenRefused: false });
  const userId = await app.pending.takeOwner(connectionId);
  if (userId !== undefined) await app.connections.remove({ userId, connectionId });
}
