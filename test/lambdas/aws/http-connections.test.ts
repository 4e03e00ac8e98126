/** Whatever a server does to its connections, every request is answered by its own answer or fails, and nothing is left over. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createConnections } from '../../../lambdas/aws/http-connections.ts';

const REQUESTS = 2000;
const CALLERS = 150;

const sockets = new Set<Socket>();
let server: Server;
let port = '';

beforeAll(async () => {
  server = createServer(misbehave);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The system gave no port');
  port = String(address.port);
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const chance = (probability: number): boolean => Math.random() < probability;

/** Answers each request with its own path: late, in pieces, by length or in chunks; or cuts, resets, closes, or says nothing. */
function misbehave(socket: Socket): void {
  sockets.add(socket);
  socket.on('error', () => {}); // the client gives up, too
  socket.on('close', () => sockets.delete(socket));
  let received = '';
  socket.on('data', (piece) => {
    received += piece;
    for (let end = received.indexOf('\r\n\r\n'); end >= 0; end = received.indexOf('\r\n\r\n')) {
      const path = received.split(' ')[1] ?? '';
      received = received.slice(end + 4);
      if (!chance(0.02)) setTimeout(() => answer(socket, path), chance(0.5) ? 0 : Math.random() * 20);
    }
  });
}

function answer(socket: Socket, path: string): void {
  if (chance(0.05)) return void socket.destroy();
  if (chance(0.05)) return void socket.resetAndDestroy();
  const body = path + '.'.repeat(Math.random() * 3000);
  const framed = chance(0.5)
    ? `content-length: ${body.length}\r\n\r\n${body}`
    : `transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const text = `HTTP/1.1 200 OK\r\n${framed}`;
  const cut = Math.floor(Math.random() * text.length);
  socket.write(text.slice(0, cut));
  if (chance(0.05)) return void socket.destroy();
  setImmediate(() => {
    socket.write(text.slice(cut));
    const end = Math.random();
    if (end < 0.1) socket.end();
    else if (end < 0.2) setTimeout(() => socket.destroy(), Math.random() * 5);
  });
}

it('answers each of many requests with its own answer, or fails it', async () => {
  const timeouts = { connectMs: 500, requestMs: 300 };
  const { exchange } = createConnections({ protocol: 'http:', hostname: '127.0.0.1', port }, timeouts);
  const outcomes = new Map<string, number>();
  let asked = 0;
  const caller = async () => {
    while (asked < REQUESTS) {
      const path = `/${++asked}`;
      const outcome = await exchange(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`, chance(0.05)).then(
        ({ status, body }) => (status === 200 && body.replace(/\.*$/, '') === path ? 'its own' : 'another'),
        (error: NodeJS.ErrnoException) => error.code ?? error.name,
      );
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));

  const { 'its own': own = 0, ...failures } = Object.fromEntries(outcomes);
  expect(own).toBeGreaterThan(REQUESTS / 2);
  for (const failure of Object.keys(failures))
    expect(['ECONNRESET', 'EPIPE', 'TimeoutError']).toContain(failure);
});
