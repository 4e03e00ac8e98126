/**
 * Sends small requests to AWS over a few kept-alive connections. Node's own client takes three times the CPU per request, and
 * a fan-out to many connections is little else; larger clients cost each cold start.
 */
import type { HttpAnswer } from './http-answer.ts';
import { type Connections, createConnections, type Origin, type Timeouts } from './http-connections.ts';

export interface HttpRequest {
  origin: Origin;
  method: string;
  path: string;
  /** Names and values by turns, `host` among them. */
  headers: string[];
  body: string;
}

/** The far end had closed the kept-alive connection, as happens while a Lambda is frozen: a fresh one may do. */
const RESETS = ['ECONNRESET', 'EPIPE'];

/** Rejects when there is no answer. What was sent may have arrived then; after a reset it is sent once more. */
export type Send = (request: HttpRequest) => Promise<HttpAnswer>;

export function originOf(url: string): Origin & { host: string; pathname: string } {
  const { protocol, hostname, port, host, pathname } = new URL(url);
  return { protocol, hostname, port, host, pathname };
}

export function createSender(timeouts: Timeouts): Send {
  const known = new Map<string, Connections>();

  const connectionsTo = (origin: Origin): Connections => {
    const server = `${origin.protocol}${origin.hostname}:${origin.port}`;
    const connections = known.get(server) ?? createConnections(origin, timeouts);
    known.set(server, connections);
    return connections;
  };

  return async (request) => {
    const { exchange } = connectionsTo(request.origin);
    const text = encoded(request);
    try {
      return await exchange(text, false);
    } catch (error) {
      if (!RESETS.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      return await exchange(text, true);
    }
  };
}

function encoded({ method, path, headers, body }: HttpRequest): string {
  let head = `${method} ${path} HTTP/1.1\r\n`;
  for (let at = 0; at < headers.length; at += 2) head += `${headers[at]}: ${headers[at + 1]}\r\n`;
  return `${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
