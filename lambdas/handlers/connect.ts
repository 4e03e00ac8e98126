/** `$connect`: writes the connection's row while the handshake waits. */
import { type OpeningApp, openConnection } from '../domain/connection/open.ts';
import { admitPending, type PendingApp } from '../domain/stomp/pending.ts';
import {
  addressOf,
  identify,
  isClientFrame,
  NOT_A_ROUTE,
  type ProxyResult,
  type WebSocketEvent,
} from './events.ts';

export const createConnectHandler =
  (app: OpeningApp & PendingApp) =>
  async ({ requestContext }: WebSocketEvent): Promise<ProxyResult> => {
    if (isClientFrame(requestContext)) return NOT_A_ROUTE;
    const { userId, badRequest, subprotocol, stomp } = requestContext.authorizer;
    if (badRequest) {
      // The log alone tells: API Gateway keeps the body from the client.
      app.logger.warn('handshake refused', { userId, reason: badRequest });
      return { statusCode: 400, body: badRequest };
    }
    if (stomp) return await letWait(app, requestContext);
    const connection = identify(requestContext);
    await openConnection(app, connection);
    return accepted(subprotocol && connection.dialect);
  };

/** A browser closes a connection that does not answer one of the sub-protocols it offered. */
const accepted = (subprotocol: string | undefined): ProxyResult =>
  subprotocol ? { statusCode: 200, headers: { 'Sec-WebSocket-Protocol': subprotocol } } : { statusCode: 200 };

/** A client of STOMP: who it is, its `CONNECT` says. */
async function letWait(app: PendingApp, context: WebSocketEvent['requestContext']): Promise<ProxyResult> {
  const { connectionId, connectedAt, authorizer } = context;
  const isAdmitted = await admitPending(app, { address: addressOf(context), connectionId, connectedAt });
  if (!isAdmitted) return { statusCode: 429, body: 'Too many sockets of this address wait for CONNECT.' };
  return accepted(authorizer.subprotocol);
}
