/** NATS JetStream over WebSockets: a stream on disk, a durable consumer for each device, explicit acks. The fastest that stores. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AckPolicy,
  DeliverPolicy,
  type JetStreamClient,
  jetstream,
  jetstreamManager,
  StorageType,
} from '@nats-io/jetstream';
import { type NatsConnection, wsconnect } from '@nats-io/nats-core';
import { freePorts } from '../ports.ts';
import { cpuMsOf } from '../processes.ts';
import { openDevices, type Peer, type Received } from './peer.ts';
import { findServer, type Server, startServer } from './server.ts';

const STREAM = 'bench';
const SUBJECT = 'users.alice';

export const hasNats = (): boolean => findServer('nats-server') !== undefined;

export async function startNats(): Promise<Peer> {
  const [tcp = 0, ws = 0] = await freePorts(2);
  const server = await startServer('nats-server', ws, async (folder) => {
    const path = join(folder, 'nats.conf');
    await writeFile(path, configuration(folder, { tcp, ws }));
    return ['-c', path];
  });
  try {
    const url = `ws://127.0.0.1:${ws}`;
    const publisher = await wsconnect({ servers: url });
    const manager = await jetstreamManager(publisher);
    await manager.streams.add({ name: STREAM, subjects: [SUBJECT], storage: StorageType.File });
    return createPeer(url, publisher, server);
  } catch (error) {
    await server.stop();
    throw error;
  }
}

const configuration = (
  folder: string,
  { tcp, ws }: Record<'tcp' | 'ws', number>,
): string => `listen: 127.0.0.1:${tcp}
jetstream { store_dir: "${folder}" }
websocket { listen: "127.0.0.1:${ws}", no_tls: true }
`;

function createPeer(url: string, publisher: NatsConnection, server: Server): Peer {
  const connections: NatsConnection[] = []; // by device
  const log: JetStreamClient = jetstream(publisher);

  const open = async (device: number, received: Received) => {
    const connection = await wsconnect({ servers: url });
    connections[device] = connection;
    const name = `device-${device}`;
    const manager = await jetstreamManager(connection, { checkAPI: false });
    // The same consumer again is no error.
    await manager.consumers.add(STREAM, {
      durable_name: name,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.New,
    });
    const consumer = await jetstream(connection).consumers.get(STREAM, name);
    await consumer.consume({
      callback: (message) => {
        received(device, message.string());
        message.ack();
      },
    });
  };

  return {
    name: 'NATS',
    promises:
      'JetStream: a stream in a file, a durable consumer per device, an explicit ack for each message and for each publish; the file is synced every two minutes, so a crash of the machine may lose that much',
    connect: (from, to, received) => openDevices(from, to, (device) => open(device, received)),
    async disconnect(device) {
      await connections[device]?.drain(); // its last acks go out first
    },
    async publish(payload) {
      await log.publish(SUBJECT, payload);
    },
    cpu: async () => ({ total: cpuMsOf(server.pid), database: 0 }),
    async stop() {
      await Promise.all([publisher, ...connections].map((connection) => connection.close()));
      await server.stop();
    },
  };
}
