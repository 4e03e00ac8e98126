/** A local server with Lambdas made up by a test, and a WebSocket client that loses nothing it hears. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Logger } from '../../../lambdas/domain/ports/logger.ts';
import { type AsyncInvoker, createAsyncInvoker } from '../../../local/emulator/async-invoker.ts';
import type { GateOptions } from '../../../local/emulator/gate.ts';
import { createWebSocketGateway, type WebSocketGateway } from '../../../local/emulator/gateway/gateway.ts';
import type { GatewaySettings } from '../../../local/emulator/gateway/settings.ts';
import { createLambdas, type FunctionSettings, type LambdaHandler } from '../../../local/emulator/lambdas.ts';
import { createQueues } from '../../../local/emulator/queue/queues.ts';
import { listen } from '../../../local/emulator/server.ts';
import { createHttpApi, type HttpApiOptions } from '../../../local/emulator/services/http-api.ts';
import { createLocalRequests } from '../../../local/emulator/services/local-requests.ts';

export const DEADLINE_MS = 45_000;

/** Where the local server says that its tables are. */
export const RESOURCES = { dynamodb: 'http://127.0.0.1:1', outboxTable: 'o', tables: { messages: 'm' } };

/** What the tests look at of an event; each shape is checked whole where it matters. */
export interface TestEvent {
  type?: string;
  methodArn: string;
  headers: Record<string, string>;
  multiValueHeaders: Record<string, string[]>;
  queryStringParameters?: Record<string, string>;
  multiValueQueryStringParameters?: Record<string, string[]>;
  requestContext: Record<string, unknown> & { connectionId: string };
  body?: string;
}

type TestHandler = (event: TestEvent) => unknown;

/** An authorizer's yes. */
export const allow = (event: TestEvent, context: Record<string, unknown> = {}) => ({
  principalId: 'alice',
  policyDocument: {
    Version: '2012-10-17',
    Statement: [{ Action: 'execute-api:Invoke', Effect: 'Allow', Resource: event.methodArn }],
  },
  context,
});

export interface LocalOptions {
  handlers?: Record<string, TestHandler>;
  gateway?: Partial<GatewaySettings>;
  http?: Partial<HttpApiOptions>;
  gate?: GateOptions;
  functionTimeoutMs?: number;
  retryDelaysMs?: number[];
}

export interface Local {
  url: string;
  wsUrl: string;
  gateway: WebSocketGateway;
  asyncInvoker: AsyncInvoker;
  /** All that was logged: the message, then the fields. */
  logged: Record<string, unknown>[];
  /** The events each Lambda was given, in order. */
  events(name: string): TestEvent[];
  /** The n-th event of a Lambda, from 0 on; waits for it. */
  event(name: string, at?: number): Promise<TestEvent>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startLocal(options: LocalOptions = {}): Promise<Local> {
  const handlers: Record<string, TestHandler> = {
    authorizer: (event) => allow(event),
    connect: () => ({ statusCode: 200 }),
    disconnect: () => ({ statusCode: 200 }),
    message: () => ({ statusCode: 200 }),
    ...options.handlers,
  };
  const seen = Object.fromEntries(Object.keys(handlers).map((name) => [name, [] as TestEvent[]]));
  const functions = Object.entries(handlers).map(([name, handler]): [string, FunctionSettings] => [
    name,
    { timeoutMs: options.functionTimeoutMs, handler: recording(seen[name] ?? [], handler) },
  ]);
  const lambdas = createLambdas(Object.fromEntries(functions));
  const { logger, logged } = recordingLogger();
  const server = await listen(0, logger, options.gate);
  const gateway = createWebSocketGateway(lambdas, logger, options.gateway);
  const asyncInvoker = createAsyncInvoker(lambdas, logger, options.retryDelaysMs ?? [1, 1]);
  const httpApi = createHttpApi(lambdas, logger, { routes: {}, ...options.http });
  const queues = createQueues(lambdas, logger);
  const secret = { name: 'jwt', value: 'a secret' };
  const localRequests = createLocalRequests(RESOURCES);
  server.open({ lambdas, asyncInvoker, queues, gateway, httpApi, localRequests, secret });
  const events = (name: string) => seen[name] ?? [];
  return {
    url: `http://127.0.0.1:${server.port}`,
    wsUrl: `ws://127.0.0.1:${server.port}/local`,
    gateway,
    asyncInvoker,
    logged,
    events,
    event: (name, at = 0) => eventually(() => events(name)[at]),
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await asyncInvoker.stop();
      await queues.stop();
      await server.stop();
    },
  };
}

const recording =
  (events: TestEvent[], handler: TestHandler): LambdaHandler =>
  (event) => {
    events.push(event as TestEvent);
    return handler(event as TestEvent);
  };

export function recordingLogger() {
  const logged: Record<string, unknown>[] = [];
  const log = (message: string, fields = {}) => void logged.push({ message, ...fields });
  const logger: Logger = { info: log, warn: log, error: log, metrics: () => {} };
  return { logger, logged };
}

/** Looks again with every turn of the event loop until `look` returns something. */
export async function eventually<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadlineAt = Date.now() + DEADLINE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadlineAt) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

export interface Client {
  ws: WebSocket;
  /** The next text frame. */
  next(): Promise<string>;
  /** Frames that came and nobody asked for. */
  readonly unread: string[];
  closed: Promise<{ code: number; reason: string }>;
}

export interface ClientOptions {
  headers?: Record<string, string>;
  subprotocols?: string[];
}

function listenTo(url: string, { headers = {}, subprotocols = [] }: ClientOptions): Client {
  const ws = new WebSocket(url, subprotocols, { headers });
  const unread: string[] = [];
  ws.on('message', (data) => unread.push(String(data)));
  ws.on('error', () => {}); // a refused handshake is told by `refusal`
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    ws.once('close', (code, reason) => resolve({ code, reason: String(reason) })),
  );
  return { ws, unread, closed, next: () => eventually(() => unread.shift()) };
}

/** Resolves when the socket is open. */
export async function connect(url: string, options: ClientOptions = {}): Promise<Client> {
  const client = listenTo(url, options);
  await once(client.ws, 'open');
  return client;
}

/** The status with which a handshake is refused. */
export async function refusal(url: string, options: ClientOptions = {}): Promise<number> {
  const { ws } = listenTo(url, options);
  const opened = once(ws, 'open').then(() => {
    ws.terminate();
    return 101;
  });
  opened.catch(() => {}); // the race is decided by then
  const refused = once(ws, 'unexpected-response').then(([request, response]) => {
    request.destroy();
    return response.statusCode as number;
  });
  refused.catch(() => {});
  return await Promise.race([opened, refused]);
}
