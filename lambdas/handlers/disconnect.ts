/** `$disconnect`: forgets the connection. It comes late or not at all, so nothing relies on it. */
import type { App } from '../domain/app.ts';
import { identify, isClientFrame, NOT_A_ROUTE, type ProxyResult, type WebSocketEvent } from './events.ts';

export const createDisconnectHandler =
  (app: Pick<App, 'connections'>) =>
  async ({ requestContext }: WebSocketEvent): Promise<ProxyResult> => {
    if (isClientFrame(requestContext)) return NOT_A_ROUTE;
    await app.connections.remove(identify(requestContext));
    return { statusCode: 200 };
  };
