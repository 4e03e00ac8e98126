/** A TCP server on loopback, for answers that no HTTP server would give. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterAll, beforeAll } from 'vitest';
import type { Origin } from '../../lambdas/aws/http.ts';

export interface RawServer {
  /** What a new connection meets, from now on. */
  meet: (socket: Socket) => void;
  /** The connections that are open. */
  readonly sockets: Socket[];
  origin: Origin;
}

/** For a whole file: runs from before its first test until after its last. */
export function useRawServer(): RawServer {
  const open = new Set<Socket>();
  const raw: RawServer = {
    meet: (socket) => socket.destroy(),
    get sockets() {
      return [...open];
    },
    origin: { protocol: 'http:', hostname: '127.0.0.1', port: '' },
  };
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {}); // the client gives up, too
    socket.once('close', () => open.delete(socket));
    raw.meet(socket);
  });

  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The system gave no port');
    raw.origin = { ...raw.origin, port: String(address.port) };
  });

  afterAll(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  return raw;
}

/** Calls `answer` with the path of each request that comes on the socket; the requests have no body. */
export function onRequests(socket: Socket, answer: (path: string) => void): void {
  let received = '';
  socket.on('data', (piece) => {
    received += piece;
    for (let end = received.indexOf('\r\n\r\n'); end >= 0; end = received.indexOf('\r\n\r\n')) {
      const path = received.split(' ')[1] ?? '';
      received = received.slice(end + 4);
      answer(path);
    }
  });
}
