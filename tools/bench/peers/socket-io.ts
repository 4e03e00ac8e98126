/** Socket.IO in two processes behind the Redis streams adapter: what most would pick, and what stores little. */
import { type ChildProcess, fork } from 'node:child_process';
import { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import { io, type Socket } from 'socket.io-client';
import { freePorts } from '../ports.ts';
import { cpuMsOf } from '../processes.ts';
import { post } from './herald.ts';
import { openDevices, type Peer, type Received } from './peer.ts';
import { findServer, type Server, startServer, terminate } from './server.ts';
import type { Told } from './socket-io-server.ts';

const SERVER = fileURLToPath(new URL('./socket-io-server.ts', import.meta.url));
const PROCESSES = 2;
const USER = 'alice';

export const hasRedis = (): boolean => findServer('redis-server') !== undefined;

export async function startSocketIo(): Promise<Peer> {
  const [port = 0] = await freePorts(1);
  const redis = await startServer('redis-server', port, (folder) => [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder],
  ]);
  const servers = Array.from({ length: PROCESSES }, () => fork(SERVER, [String(port)]));
  const stopServers = async () => {
    await Promise.all(servers.map(terminate));
    await redis.stop();
  };
  try {
    const urls = await Promise.all(servers.map(urlOf));
    return createPeer(urls, redis, servers, stopServers);
  } catch (error) {
    await stopServers();
    throw error;
  }
}

function urlOf(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('message', (told: Told) => 'url' in told && resolve(told.url));
    server.once('exit', () => reject(new Error('Socket.IO did not start')));
  });
}

function createPeer(
  urls: string[],
  redis: Server,
  servers: ChildProcess[],
  stopServers: () => Promise<void>,
): Peer {
  const sockets: Socket[] = []; // by device
  const agent = new Agent({ keepAlive: true });

  /** A socket that comes back recovers what it missed; only the same object knows its session and its offset. */
  const open = async (device: number, received: Received) => {
    const returning = sockets[device];
    const socket = returning ?? createSocket(urls[device % urls.length] ?? '');
    sockets[device] = socket;
    socket.off('message').on('message', (payload: string) => received(device, payload));
    const opened = next(socket, returning ? 'connect' : 'ready');
    socket.connect();
    await opened;
    if (returning && !socket.recovered) throw new Error('Socket.IO did not recover the session');
  };

  return {
    name: 'Socket.IO',
    promises:
      'no queue per device and no acks: at most once, except that a device which returns to a session of the last minutes gets what the one Redis stream of all users still holds; the publisher does not learn whether it was stored; Redis keeps its stream in memory with snapshots',
    connect: (from, to, received) => openDevices(from, to, (device) => open(device, received)),
    async disconnect(device) {
      const [socket, server] = [sockets[device], servers[device % servers.length]];
      if (!socket?.id || !server) return;
      const away = isAway(server, socket.id);
      socket.io.engine.close(); // `socket.disconnect()` would end its session
      await away;
    },
    publish: (payload) => post(urls[0] ?? '', agent, { to: { user: USER }, data: { payload } }),
    cpu: async () => ({
      total: [redis, ...servers].reduce((sum, { pid = 0 }) => sum + cpuMsOf(pid), 0),
      database: 0,
    }),
    async stop() {
      for (const socket of sockets) socket.disconnect();
      agent.destroy();
      await stopServers();
    },
  };
}

const createSocket = (url: string): Socket =>
  io(url, {
    auth: { user: USER },
    transports: ['websocket'],
    autoConnect: false,
    forceNew: true,
    reconnection: false,
  });

const next = (socket: Socket, event: string): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once(event, () => resolve());
    socket.once('connect_error', reject);
  });

/** Until the server has noticed, there is no session to return to. */
const isAway = (server: ChildProcess, id: string): Promise<void> =>
  new Promise((resolve) => {
    const heard = (told: Told) => {
      if (!('awayId' in told) || told.awayId !== id) return;
      server.off('message', heard);
      resolve();
    };
    server.on('message', heard);
  });
