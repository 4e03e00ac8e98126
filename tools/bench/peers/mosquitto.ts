/** Mosquitto over WebSockets: QoS 1 and a persistent session for each device, the usual broker for many small devices. */
import { writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { connect, connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { freePorts } from '../ports.ts';
import { cpuMsOf } from '../processes.ts';
import { openDevices, type Peer, type Received } from './peer.ts';
import { findServer, type Server, startServer } from './server.ts';

const TOPIC = 'users/alice';
const OPTIONS: IClientOptions = { reconnectPeriod: 0, wsOptions: { perMessageDeflate: false } };

export const hasMosquitto = (): boolean => findServer('mosquitto') !== undefined;

export interface MosquittoOptions {
  /** @default ws */
  transport?: 'ws' | 'tcp';
}

export async function startMosquitto({ transport = 'ws' }: MosquittoOptions = {}): Promise<Peer> {
  const [tcp = 0, ws = 0] = await freePorts(2);
  const server = await startServer('mosquitto', ws, async (folder) => {
    const path = join(folder, 'mosquitto.conf');
    await writeFile(path, configuration(folder, { tcp, ws }));
    return ['-c', path];
  });
  try {
    const url = transport === 'ws' ? `ws://127.0.0.1:${ws}` : `mqtt://127.0.0.1:${tcp}`;
    const publisher = await connectAsync(url, { ...OPTIONS, clientId: 'publisher' });
    return createPeer(url, publisher, server);
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/**
 * `user`: as root it would become another user, who may not read the folder. `socket_domain`: without it, a listener
 * for WebSockets is bound to all addresses (https://github.com/eclipse-mosquitto/mosquitto/issues/3045). With one for
 * WebSockets alone it does not start (https://github.com/eclipse-mosquitto/mosquitto/issues/2578).
 */
const configuration = (
  folder: string,
  { tcp, ws }: Record<'tcp' | 'ws', number>,
): string => `user ${userInfo().username}
allow_anonymous true
persistence true
persistence_location ${folder}/
max_queued_messages 0
set_tcp_nodelay true
log_type error
listener ${tcp} 127.0.0.1
listener ${ws} 127.0.0.1
protocol websockets
socket_domain ipv4
`;

function createPeer(url: string, publisher: MqttClient, server: Server): Peer {
  const clients: MqttClient[] = []; // by device

  const open = async (device: number, received: Received) => {
    const client = connect(url, { ...OPTIONS, clientId: `device-${device}`, clean: false });
    clients[device] = client;
    client.on('message', (_topic, payload) => received(device, payload.toString()));
    if (!(await hasSession(client))) await client.subscribeAsync(TOPIC, { qos: 1 });
  };

  return {
    name: 'Mosquitto',
    promises:
      'at least once (QoS 1): a persistent session per device, an ack for each message and for each publish; queues in memory, written to disk every half hour and at its end, so a crash loses them; where it is built with a libwebsockets that it has to poll, as in Debian 12 (2.0.11), a WebSocket is served in steps of up to 100 ms when nothing else is; 2.1 has WebSockets of its own',
    connect: (from, to, received) => openDevices(from, to, (device) => open(device, received)),
    async disconnect(device) {
      await clients[device]?.endAsync(true);
    },
    async publish(payload) {
      await publisher.publishAsync(TOPIC, payload, { qos: 1 });
    },
    cpu: async () => ({ total: cpuMsOf(server.pid), database: 0 }),
    async stop() {
      await Promise.all([publisher, ...clients].map((client) => client.endAsync(true)));
      await server.stop();
    },
  };
}

const hasSession = (client: MqttClient): Promise<boolean> =>
  new Promise((resolve, reject) => {
    client.once('connect', ({ sessionPresent }) => resolve(sessionPresent));
    client.once('error', reject);
  });
