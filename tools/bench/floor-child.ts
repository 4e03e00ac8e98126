/**
 * The least that a delivery costs here, without any of our code: a bare client posts each frame to a bare HTTP server in the same
 * process, which writes the frame to a WebSocket.
 */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type WebSocket, WebSocketServer } from 'ws';

/** As in `lambdas/domain/publish/deliver.ts`. */
const AT_ONCE = 64;

const sockets = new Map<string, WebSocket>();
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
const server = createServer({ keepAliveTimeout: 60_000 }, (asked, response) => void answer(asked, response));
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket) => {
  const id = String(sockets.size);
  sockets.set(id, socket);
});
server.listen(0, '127.0.0.1', () => {
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.on('disconnect', () => process.exit(0)); // it does not outlive who started it

async function answer(asked: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(asked);
  const id = asked.url?.slice(1) ?? '';
  if (id === 'notifications') await postToAll(body);
  else sockets.get(id)?.send(body);
  response.end();
}

async function postToAll(frame: string): Promise<void> {
  const ids = sockets.keys();
  const worker = async () => {
    for (const id of ids) await post(id, frame);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function post(id: string, frame: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const { port } = server.address() as AddressInfo;
  const sent = request({ agent, host: '127.0.0.1', port, method: 'POST', path: `/${id}` }, (response) =>
    response.resume().on('end', resolve),
  );
  sent.on('error', reject).end(frame);
  return promise;
}
