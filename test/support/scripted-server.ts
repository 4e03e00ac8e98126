/** An HTTP server on loopback that answers as a test says, for what no emulator can be made to answer. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach } from 'vitest';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface Received {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface ScriptedServer {
  /** How it answers from now on. */
  answer: Answer;
  /** What it was sent in this test. */
  received: Received[];
  /** The connections that are open. */
  readonly sockets: Socket[];
  url: string;
}

/** The answer with a status, headers and a body. */
export const status =
  (code: number, headers: Record<string, string> = {}, body = ''): Answer =>
  (_, response) =>
    response.writeHead(code, headers).end(body);

/** For a whole file: runs from before its first test until after its last. */
export function useScriptedServer(): ScriptedServer {
  const open = new Set<Socket>();
  const scripted: ScriptedServer = {
    answer: status(500),
    received: [],
    get sockets() {
      return [...open];
    },
    url: '',
  };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const { method, url, headers } = request;
    scripted.received.push({ method, url, headers, body });
    scripted.answer(request, response);
  });

  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });

  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The system gave no port');
    scripted.url = `http://127.0.0.1:${address.port}`;
  });

  beforeEach(() => {
    scripted.received = [];
    server.closeAllConnections();
  });

  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  return scripted;
}
