/** `$connect`: writes the connection's row while the handshake waits. */
import { type OpeningApp, openConnection } from '../domain/connection/open.ts';
import { identify, isClientFrame, NOT_A_ROUTE, type ProxyResult, type WebSocketEvent } from './events.ts';

export const createConnectHandler =
  (app: OpeningApp) =>
  async ({ requestContext }: WebSocketEvent): Promise<ProxyResult> => {
    if (isClientFrame(requestContext)) return NOT_A_ROUTE;
    const { badRequest, subprotocol } = requestContext.authorizer;
    if (badRequest) return { statusCode: 400, body: badRequest };
    const connection = identify(requestContext);
    await openConnection(app, connection);
    return subprotocol
      ? { statusCode: 200, headers: { 'Sec-WebSocket-Protocol': connection.dialect } }
      : { statusCode: 200 };
  };
