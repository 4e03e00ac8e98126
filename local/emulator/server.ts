/** The one port of the local stack: tells the WebSocket API, `@connections`, the HTTP API, the AWS services and the console apart. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Logger } from '../../lambdas/domain/ports/logger.ts';
import type { Console } from '../console/console.ts';
import type { AsyncInvoker } from './async-invoker.ts';
import { createGate, type Gate, type GateOptions } from './gate.ts';
import type { WebSocketGateway } from './gateway/gateway.ts';
import { isManagement } from './gateway/management.ts';
import { refuseUpgrade } from './gateway/upgrade.ts';
import { answer, answerJson } from './http.ts';
import type { Lambdas } from './lambdas.ts';
import type { Queues } from './queue/queues.ts';
import type { HttpApi } from './services/http-api.ts';
import { answerInvoke, isInvoke } from './services/invoke.ts';
import { answerJsonService, type Secret } from './services/json-services.ts';
import type { LocalRequests } from './services/local-requests.ts';

export interface Services {
  lambdas: Lambdas;
  asyncInvoker: AsyncInvoker;
  queues: Queues;
  gateway: WebSocketGateway;
  httpApi: HttpApi;
  localRequests: LocalRequests;
  console?: Console | undefined;
  secret: Secret;
}

export interface LocalServer {
  port: number;
  /** Until then every request is answered with 503. */
  open(services: Services): void;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
/** Longer than any client keeps an unused connection, so that none of them meets one we have just closed. */
const KEEP_ALIVE_MS = 300_000;

/** `port` 0: any free one. Rejects with `EADDRINUSE` when it is taken. */
export async function listen(
  port: number,
  logger: Logger,
  gateOptions: GateOptions = {},
): Promise<LocalServer> {
  let services: Services | undefined;
  let gate = createGate(gateOptions, port);
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    if (!passes(gate, logger, request, response)) return;
    respond(services, logger, request, response).catch((error) => {
      logger.error('a request failed', { method: request.method, error });
      if (response.headersSent) response.destroy();
      else answerJson(response, 500, { message: 'Internal Server Error' });
    });
  });
  server.on('upgrade', (request, socket, head) => {
    const problem = gate.upgradeProblem(request);
    if (problem !== undefined) {
      logger.warn('refused', { method: 'WebSocket', path: pathOf(request), reason: problem });
      refuseUpgrade(socket, 403, '', problem);
    } else if (services) services.gateway.upgrade(request, socket, head);
    else refuseUpgrade(socket, 503, '');
  });
  server.listen(port, HOST);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  gate = createGate(gateOptions, address.port);

  return {
    port: address.port,
    open(opened) {
      services = opened;
    },
    async stop() {
      services = undefined;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Without the query, which may hold a token. */
const pathOf = ({ url = '' }: IncomingMessage): string => url.split('?')[0] ?? '';

/** False: it is answered, and nobody else may see it. */
function passes(gate: Gate, logger: Logger, request: IncomingMessage, response: ServerResponse): boolean {
  const { method, headers } = request;
  const problem = gate.requestProblem(request);
  if (problem !== undefined) {
    logger.warn('refused', { method, path: pathOf(request), reason: problem });
    answerJson(response, 403, { message: problem });
    return false;
  }
  const origin = gate.listedOrigin(request);
  if (origin === undefined) return true;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('vary', 'origin');
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return true;
  answer(response, 204, {
    'access-control-allow-methods': 'GET, POST, PUT, DELETE',
    'access-control-allow-headers': headers['access-control-request-headers'] ?? '*',
  });
  return false;
}

async function respond(
  services: Services | undefined,
  logger: Logger,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { url = '', method } = request;
  if (url === '/health') {
    return services
      ? answerJson(response, 200, { status: 'ok' })
      : answerJson(response, 503, { status: 'starting' });
  }
  if (!services) return answerJson(response, 503, { message: 'Service Unavailable' });
  const { lambdas, asyncInvoker, queues, gateway, httpApi, localRequests, console, secret } = services;
  if (isManagement(url)) return await gateway.manage(request, response);
  if (isInvoke(url)) return await answerInvoke(lambdas, asyncInvoker, request, response);
  if (method === 'POST' && request.headers['x-amz-target'] !== undefined) {
    const { ownEvents } = localRequests;
    return await answerJsonService({ asyncInvoker, ownEvents, queues, secret, logger }, request, response);
  }
  if (localRequests.answer(request, response)) return;
  if (await console?.answer(request, response)) return;
  return await httpApi(request, response);
}
