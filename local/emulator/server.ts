/** The one port of the local stack: tells the WebSocket API, `@connections`, the HTTP API, the AWS services and the console apart. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Logger } from '../../lambdas/domain/ports.ts';
import type { Console } from '../console/console.ts';
import type { AsyncInvoker } from './async-invoker.ts';
import type { WebSocketGateway } from './gateway/gateway.ts';
import { isManagement } from './gateway/management.ts';
import { refuseUpgrade } from './gateway/upgrade.ts';
import { answerJson } from './http.ts';
import type { Lambdas } from './lambdas.ts';
import type { HttpApi } from './services/http-api.ts';
import { answerInvoke, isInvoke } from './services/invoke.ts';
import { answerJsonService, type Secret } from './services/json-services.ts';

export interface Services {
  lambdas: Lambdas;
  asyncInvoker: AsyncInvoker;
  gateway: WebSocketGateway;
  httpApi: HttpApi;
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
export async function listen(port: number, logger: Logger): Promise<LocalServer> {
  let services: Services | undefined;
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    respond(services, request, response).catch((error) => {
      logger.error('a request failed', { method: request.method, error });
      if (response.headersSent) response.destroy();
      else answerJson(response, 500, { message: 'Internal Server Error' });
    });
  });
  server.on('upgrade', (request, socket, head) => {
    if (services) services.gateway.upgrade(request, socket, head);
    else refuseUpgrade(socket, 503, '');
  });
  server.listen(port, HOST);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port');

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

async function respond(
  services: Services | undefined,
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
  const { lambdas, asyncInvoker, gateway, httpApi, console, secret } = services;
  if (isManagement(url)) return await gateway.manage(request, response);
  if (isInvoke(url)) return await answerInvoke(lambdas, asyncInvoker, request, response);
  if (method === 'POST' && request.headers['x-amz-target'] !== undefined) {
    return await answerJsonService(asyncInvoker, secret, request, response);
  }
  if (await console?.answer(request, response)) return;
  return await httpApi(request, response);
}
