/** Sends small requests to AWS over a few kept-alive sockets: Node's own client, since a larger one costs each cold start. */
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http';

/** Where a server is: asked of a `URL` at each request, this would take longer than to sign it. */
export interface Origin {
  protocol: string;
  hostname: string;
  port: string;
}

export interface HttpRequest {
  origin: Origin;
  method: string;
  path: string;
  /** Names and values by turns, `host` among them. */
  headers: string[];
  body: string;
}

export interface HttpAnswer {
  status: number;
  /** Of a fault as AWS names it. */
  errorType: string | undefined;
  body: string;
}

export interface Timeouts {
  connectMs: number;
  /** From the call to the end of the answer. */
  requestMs: number;
}

export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

/** More are slower: each new one costs a TLS handshake. */
const MAX_SOCKETS = 50;

/** The far end had closed the kept-alive socket, as happens while a Lambda is frozen: a fresh one may do. */
const RESETS = ['ECONNRESET', 'EPIPE'];

/** Rejects when there is no answer. What was sent may have arrived then; after a reset it is sent once more. */
export type Send = (request: HttpRequest) => Promise<HttpAnswer>;

export function originOf(url: string): Origin & { host: string; pathname: string } {
  const { protocol, hostname, port, host, pathname } = new URL(url);
  return { protocol, hostname, port, host, pathname };
}

export function createSender(timeouts: Timeouts): Send {
  const agents = new Map<string, Agent>();

  const agentFor = (protocol: string): Agent => {
    const agent = agents.get(protocol) ?? createAgent(protocol);
    agents.set(protocol, agent);
    return agent;
  };

  return async (request) => {
    try {
      return await exchange(request, agentFor(request.origin.protocol), timeouts);
    } catch (error) {
      if (!RESETS.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      return await exchange(request, false, timeouts);
    }
  };
}

/** Not an `import`: as an ES module, `node:http` costs 40 ms of a cold start, for it loads all that it re-exports. */
const client = (protocol: string) =>
  protocol === 'http:' ? process.getBuiltinModule('node:http') : process.getBuiltinModule('node:https');

const createAgent = (protocol: string): Agent =>
  new (client(protocol).Agent)({ keepAlive: true, maxSockets: MAX_SOCKETS, maxFreeSockets: MAX_SOCKETS });

/** `agent` false: a socket for this request alone. */
async function exchange(
  { origin, method, path, headers, body }: HttpRequest,
  agent: Agent | false,
  timeouts: Timeouts,
): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const options: RequestOptions = {
    agent,
    method,
    path,
    hostname: origin.hostname,
    port: origin.port,
    headers: [...headers, 'content-length', String(Buffer.byteLength(body))],
  };
  const request = client(origin.protocol).request(options);
  request.on('response', (response) => read(response, resolve, reject));
  request.on('error', reject);
  const stopTimers = limit(request, timeouts);
  request.end(body);
  try {
    return await promise;
  } finally {
    stopTimers();
  }
}

function read(
  response: IncomingMessage,
  resolve: (answer: HttpAnswer) => void,
  reject: (error: Error) => void,
): void {
  let body = '';
  response.setEncoding('utf8');
  response.on('data', (text: string) => {
    body += text;
  });
  response.on('error', reject); // also when it breaks off
  response.on('end', () => {
    const { statusCode = 0, headers } = response;
    resolve({ status: statusCode, errorType: headers['x-amzn-errortype']?.toString(), body });
  });
}

function limit(request: ClientRequest, { connectMs, requestMs }: Timeouts): () => void {
  const abort = (what: string) => request.destroy(new TimeoutError(what));
  const answered = setTimeout(() => abort(`not answered in ${requestMs} ms`), requestMs);
  let connected: NodeJS.Timeout | undefined;
  request.on('socket', (socket) => {
    if (!socket.connecting) return;
    connected = setTimeout(() => abort(`not connected in ${connectMs} ms`), connectMs);
    socket.once('connect', () => clearTimeout(connected));
  });
  return () => {
    clearTimeout(answered);
    clearTimeout(connected);
  };
}
