/** `$connect`: writes the connection's row while the handshake waits. */
import type { App } from '../domain/app.ts';
import { connect } from '../domain/connection/open.ts';
import { SUBPROTOCOL } from '../protocol/frames.ts';
import { identify, type ProxyResult, type WebSocketEvent } from './events.ts';

export const createConnectHandler =
  (app: App) =>
  async ({ requestContext }: WebSocketEvent): Promise<ProxyResult> => {
    const { badRequest, subprotocol } = requestContext.authorizer;
    if (badRequest) return { statusCode: 400, body: badRequest };
    await connect(app, identify(requestContext));
    return subprotocol
      ? { statusCode: 200, headers: { 'Sec-WebSocket-Protocol': SUBPROTOCOL } }
      : { statusCode: 200 };
  };
