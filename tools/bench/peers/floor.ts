/** What each delivery would cost without any of our code; see `floor-child.ts`. Nothing is stored or promised. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { cpuMsOf } from '../processes.ts';
import { post } from './herald.ts';
import { openDevices, type Peer, type Received } from './peer.ts';
import { terminate } from './server.ts';

const CHILD = fileURLToPath(new URL('../floor-child.ts', import.meta.url));

export async function startFloor(): Promise<Peer> {
  const child = fork(CHILD);
  const [url] = (await once(child, 'message')) as [string];
  const agent = new Agent({ keepAlive: true });
  const sockets: WebSocket[] = [];

  const open = async (device: number, received: Received) => {
    const socket = new WebSocket(url.replace('http:', 'ws:'), { perMessageDeflate: false });
    sockets[device] = socket;
    await once(socket, 'open');
    socket.on('message', (frame: Buffer) => {
      const { data } = JSON.parse(frame.toString('utf8')) as { data: { payload: string } };
      received(device, data.payload);
    });
  };

  return {
    name: 'Floor',
    promises: 'nothing',
    connect: (from, to, received) => openDevices(from, to, (device) => open(device, received)),
    async disconnect(device) {
      sockets[device]?.terminate();
    },
    publish: (payload) => post(url, agent, { ...LIKE_OURS, data: { payload } }),
    cpu: async () => ({ total: cpuMsOf(child.pid ?? 0), database: 0 }),
    async stop() {
      for (const socket of sockets) socket.terminate();
      agent.destroy();
      await terminate(child);
    },
  };
}

/** The other members of a frame of ours. */
const LIKE_OURS = {
  event: 'message',
  channel: 'topic:bench',
  seq: 1,
  id: '0199c0de-0000-7000-8000-000000000000',
  type: 'bench',
  sentAt: 1_700_000_000_000,
};
