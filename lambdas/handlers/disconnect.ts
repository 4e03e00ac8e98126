/** `$disconnect`: forgets the connection. It comes late or not at all, so nothing relies on it. */
import type { App } from '../domain/app.ts';
import { identify, type ProxyResult, type WebSocketEvent } from './events.ts';

export const createDisconnectHandler =
  (app: Pick<App, 'connections'>) =>
  async ({ requestContext }: WebSocketEvent): Promise<ProxyResult> => {
    await app.connections.remove(identify(requestContext));
    return { statusCode: 200 };
  };
