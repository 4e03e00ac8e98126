/** One of the two Socket.IO processes: a room for each user, and a POST that reaches its devices at both. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';

interface Publish {
  to: { user: string };
  data: { payload: string };
}

const redis = createClient({ url: `redis://127.0.0.1:${process.argv[2]}` });
await redis.connect();

const http = createServer((request, response) => void publish(request, response));
const io = new Server(http, {
  // Ten times its defaults, so that neither decides what is measured.
  adapter: createAdapter(redis, { maxLen: 100_000, readCount: 1000 }),
  transports: ['websocket'],
  serveClient: false,
  connectionStateRecovery: { maxDisconnectionDuration: 10 * 60_000 },
});

/** What it tells who started it. */
export type Told = { url: string } | { awayId: string };
const tell = (told: Told) => process.send?.(told);

io.on('connection', async (socket) => {
  socket.on('disconnect', () => tell({ awayId: socket.id })); // its session is kept by now
  if (socket.recovered) return; // into its rooms
  await socket.join(String(socket.handshake.auth.user));
  // What a device misses is what follows the last offset it knows, and an offset comes only with a message.
  io.to(socket.id).emit('ready');
});

http.listen(0, '127.0.0.1', () => {
  tell({ url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` });
});

process.on('disconnect', () => process.exit(0)); // it does not outlive who started it

async function publish(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { to, data } = JSON.parse(await text(request)) as Publish;
  io.to(to.user).emit('message', data.payload);
  response.end();
}
