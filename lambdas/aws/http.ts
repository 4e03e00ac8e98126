/**
 * Sends small requests to AWS over kept-alive connections of `node:http` and `node:https`: tracing,
 * proxies and emulators of AWS know these two modules.
 */
import type { Agent, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** Where a server is. */
export interface Origin {
  protocol: string;
  hostname: string;
  port: string;
}

export interface HttpRequest {
  origin: Origin;
  method: string;
  path: string;
  /** `host` among them. */
  headers: Record<string, string>;
  body: string;
}

export interface HttpAnswer {
  status: number;
  /** The fault, as AWS names it in a header. */
  errorType: string | undefined;
  body: string;
}

export interface Timeouts {
  /** Until the connection is open, with TLS. */
  connectMs: number;
  /**
   * From when the request has a connection to the end of the answer. Before that, a request waits
   * at most twice as long for a free connection.
   */
  requestMs: number;
}

export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

/**
 * Rejects when there is no answer; the server may have received the request. After a reset of the
 * connection the request is sent a second time.
 */
export type Send = (request: HttpRequest) => Promise<HttpAnswer>;

export function originOf(url: string): Origin & { host: string; pathname: string } {
  const { protocol, hostname, port, host, pathname } = new URL(url);
  return { protocol, hostname: hostname.replace(/^\[|\]$/g, ''), port, host, pathname }; // [::1] is ::1
}

/**
 * To one server. More are slower in a cold process, since each new connection costs a TLS
 * handshake. With answers within 10 ms, 64 connections send 6,400 requests a second: two thirds of
 * what API Gateway allows an account by default.
 */
const MAX_CONNECTIONS = 64;

export function createSender(timeouts: Timeouts): Send {
  const clients = new Map<string, Client>();

  return async (request) => {
    const { protocol } = request.origin;
    const client = clients.get(protocol) ?? createClient(protocol);
    clients.set(protocol, client);
    try {
      return await exchange(request, client, client.keeping, timeouts);
    } catch (error) {
      if (!isReset(error)) throw error;
      return await exchange(request, client, client.fresh, timeouts);
    }
  };
}

interface Client {
  http: Pick<typeof import('node:http'), 'request'>;
  /** Keeps its connections open for the next request. */
  keeping: Agent;
  /** Opens a connection for each request. */
  fresh: Agent;
  /** The event by which a socket says that it can be written to. */
  connected: 'connect' | 'secureConnect';
}

/**
 * Loads `node:http` and `node:https` without `import`: as ES modules they load everything they
 * re-export, at each cold start.
 */
function createClient(protocol: string): Client {
  const isSecure = protocol === 'https:';
  const http = isSecure ? process.getBuiltinModule('node:https') : process.getBuiltinModule('node:http');
  const options = { maxSockets: MAX_CONNECTIONS, proxyEnv: proxiesOf(http.globalAgent) };
  return {
    http,
    keeping: new http.Agent({ ...options, keepAlive: true }),
    fresh: new http.Agent(options),
    connected: isSecure ? 'secureConnect' : 'connect',
  };
}

/** The proxies that Node itself was told to use, by `NODE_USE_ENV_PROXY`. */
const proxiesOf = (agent: Agent): NodeJS.ProcessEnv | undefined =>
  (agent as Agent & { options: { proxyEnv?: NodeJS.ProcessEnv } }).options.proxyEnv;

function exchange(
  { origin, body, ...rest }: HttpRequest,
  { http, connected, keeping }: Client,
  agent: Agent,
  { connectMs, requestMs }: Timeouts,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ ...origin, ...rest, agent });
    let late = setTimeout(giveUp, 2 * requestMs);

    function giveUp(): void {
      const error = new TimeoutError(`not answered in ${requestMs} ms`);
      reject(error); // a request that still waits for a connection would tell nobody
      request.destroy(error);
      // A firewall or NAT in between may have dropped the idle connections too: the next try must
      // not take another silent connection from the pool.
      for (const socket of Object.values(keeping.freeSockets).flat()) socket?.destroy();
    }

    request.once('socket', (socket) => {
      clearTimeout(late);
      late = setTimeout(giveUp, requestMs);
      if (socket.connecting) limitConnecting(socket, connected, connectMs);
    });
    request.on('error', reject);
    request.once('response', (answer) => read(answer, resolve, reject));
    request.once('close', () => clearTimeout(late));
    request.end(body);
  });
}

function limitConnecting(socket: Socket, connected: Client['connected'], connectMs: number): void {
  const error = () => new TimeoutError(`not connected in ${connectMs} ms`);
  const late = setTimeout(() => socket.destroy(error()), connectMs);
  for (const event of [connected, 'close']) socket.once(event, () => clearTimeout(late));
}

function read(
  answer: IncomingMessage,
  resolve: (answer: HttpAnswer) => void,
  reject: (error: Error) => void,
): void {
  const { statusCode: status = 0, headers } = answer;
  let body = '';
  answer.setEncoding('utf8');
  answer.on('data', (piece: string) => {
    body += piece;
  });
  answer.once('end', () => {
    if (status === REQUEST_TIMEOUT) reject(new Reset('the server had given the connection up'));
    else resolve({ status, errorType: headers['x-amzn-errortype'] as string | undefined, body });
  });
  answer.on('error', reject);
}

/**
 * The server closed an idle connection and said so before it saw the request.
 * https://www.rfc-editor.org/rfc/rfc9110#name-408-request-timeout
 */
const REQUEST_TIMEOUT = 408;

class Reset extends Error {
  readonly code = 'ECONNRESET';
}

/**
 * The server had closed a kept-alive connection, as happens while a Lambda is frozen between two
 * invocations. A fresh connection may work.
 */
export const isReset = (error: unknown): boolean =>
  ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '');
