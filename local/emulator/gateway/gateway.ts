/** API Gateway's WebSocket API on one machine: handshakes, routes, closing. `@connections` is in management.ts. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Logger } from '../../../lambdas/domain/ports/logger.ts';
import { newGatewayId } from '../ids.ts';
import type { Lambdas } from '../lambdas.ts';
import { admit, callIntegration } from './admission.ts';
import { type OpenConnection, openConnection } from './connection.ts';
import { type ClientInfo, disconnectEvent, messageEvent } from './events.ts';
import { answerManagement } from './management.ts';
import { parseProxyResult } from './proxy-result.ts';
import { messageRoute } from './route-selection.ts';
import { DEFAULTS, type Faults, type GatewaySettings, MAX_MESSAGE_BYTES } from './settings.ts';
import { refuseUpgrade, upgradeProblem } from './upgrade.ts';

export interface WebSocketGateway {
  readonly faults: Faults;
  /** For the `upgrade` event of an HTTP server. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** A request to `@connections`. */
  manage(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Closes every connection and waits for its `$disconnect`. */
  stop(): Promise<void>;
}

export function createWebSocketGateway(
  lambdas: Lambdas,
  logger: Logger,
  changes: Partial<GatewaySettings> = {},
): WebSocketGateway {
  const settings: GatewaySettings = { ...DEFAULTS, ...changes };
  const faults: Faults = {};
  const connections = new Map<string, OpenConnection>();
  const underWay = new Set<Promise<void>>();
  const subprotocols = new WeakMap<IncomingMessage, string>();
  let stopping = false;

  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: () => false,
  });
  // `ws` would only answer a sub-protocol that was offered; API Gateway answers whatever `$connect` said.
  server.on('headers', (headers, request) => {
    const subprotocol = subprotocols.get(request);
    if (subprotocol !== undefined) headers.push(`Sec-WebSocket-Protocol: ${subprotocol}`);
  });

  function track(work: Promise<void>) {
    const tracked = work
      .catch((error) => logger.error('the gateway failed', { error }))
      .finally(() => underWay.delete(tracked));
    underWay.add(tracked);
  }

  async function handshake(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const newcomer = clientInfo(request);
    const problem = stopping ? 503 : upgradeProblem(request);
    if (problem !== undefined) return refuseUpgrade(socket, problem, newcomer.connectionId);
    const door = { lambdas, logger, timeoutMs: settings.integrationTimeoutMs };
    const admission = await admit(door, request, newcomer);
    if (admission.outcome === 'refused') {
      return refuseUpgrade(socket, admission.status, newcomer.connectionId);
    }
    const { client, subprotocol } = admission;
    if (faults.openDelayMs) await sleep(faults.openDelayMs);
    if (subprotocol !== undefined) subprotocols.set(request, subprotocol);
    const ws = stopping ? undefined : completeUpgrade(request, socket, head);
    if (ws) return register(ws, socket, client);
    socket.destroy();
    await disconnected(client, 1006, '');
  }

  /** Undefined: the client has left meanwhile. */
  function completeUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): WebSocket | undefined {
    let opened: WebSocket | undefined;
    server.handleUpgrade(request, socket, head, (ws) => {
      opened = ws;
    });
    return opened;
  }

  function register(ws: WebSocket, socket: Duplex, client: ClientInfo) {
    const { promise: closed, resolve } = Promise.withResolvers<[code: number, reason: string]>();
    track(closed.then(([code, reason]) => disconnected(client, code, reason)));
    const connection = openConnection(ws, socket, client, settings, {
      message: (text) => track(dispatch(connection, text)),
      closing: () => connections.delete(client.connectionId),
      closed: (code, reason) => resolve([code, reason]),
    });
    connections.set(client.connectionId, connection);
  }

  /** Nothing orders the messages of a connection: each runs as soon as it arrives. */
  async function dispatch(connection: OpenConnection, text: string): Promise<void> {
    const { client } = connection;
    const route = messageRoute(text);
    const event = messageEvent(client, route, text);
    const delayMs = faults.dispatchDelayMs?.() ?? 0;
    if (delayMs > 0) await sleep(delayMs);
    try {
      const result = await callIntegration(lambdas, route, event, settings.integrationTimeoutMs);
      if (parseProxyResult(result)) return;
      logger.error(`malformed proxy response of ${route}`);
    } catch (error) {
      logger.error(`${route} failed`, { error: error as Error });
    }
    if (connections.get(client.connectionId) !== connection) return;
    const ids = `"connectionId":"${client.connectionId}", "requestId":"${event.requestContext.requestId}"`;
    connection.send(`{"message": "Internal server error", ${ids}}`);
  }

  /** Best effort, as on AWS: the result counts for nothing. */
  async function disconnected(client: ClientInfo, code: number, reason: string): Promise<void> {
    if (faults.dropDisconnect) return;
    if (faults.disconnectDelayMs) await sleep(faults.disconnectDelayMs);
    try {
      const event = disconnectEvent(client, code, reason);
      await callIntegration(lambdas, '$disconnect', event, settings.integrationTimeoutMs);
    } catch (error) {
      logger.error('$disconnect failed', { error: error as Error });
    }
  }

  return {
    faults,
    upgrade(request, socket, head) {
      socket.on('error', () => {}); // a client may leave at any moment; the handshake finds the socket unusable
      track(handshake(request, socket, head));
    },
    manage(request, response) {
      const { logDeliveries } = settings;
      const view = { find: (id: string) => connections.get(id), faults, logger, logDeliveries };
      return answerManagement(view, request, response);
    },
    async stop() {
      stopping = true;
      for (const connection of connections.values()) connection.close(1001, 'Going away');
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

const clientInfo = ({ socket, headers }: IncomingMessage): ClientInfo => ({
  connectionId: newGatewayId(),
  connectedAt: Date.now(),
  sourceIp: socket.remoteAddress ?? '127.0.0.1',
  userAgent: headers['user-agent'],
  domainName: headers.host ?? 'localhost',
  authorizer: undefined,
});
