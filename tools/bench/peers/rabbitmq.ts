/** RabbitMQ's web-stomp: a durable queue for each device, persistent messages, client acks. The peer with like guarantees. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../ports.ts';
import { cpuMsOf, descendantsOf } from '../processes.ts';
import type { Peer, Received } from './peer.ts';
import { isListening } from './server.ts';
import { connectStomp, type StompClient } from './stomp.ts';

const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';
const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 10_000;
const EXCHANGE = '/exchange/amq.fanout';

export const hasRabbitMq = (): boolean => existsSync(SERVER);

export async function startRabbitMq(): Promise<Peer & { url: string }> {
  const home = await mkdtemp(join(tmpdir(), 'herald-bench-rabbitmq-'));
  const [epmdPort = 0, amqp = 0, distribution = 0, stomp = 0, webStomp = 0] = await freePorts(5);
  await writeFile(join(home, 'plugins'), '[rabbitmq_web_stomp].\n');
  await writeFile(join(home, 'rabbitmq.conf'), configuration({ amqp, stomp, webStomp }));
  const epmd = spawn('epmd', ['-port', String(epmdPort), '-address', '127.0.0.1'], { stdio: 'ignore' });
  const server = spawn(SERVER, [], {
    env: environment(home, epmdPort, distribution),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  server.stdout.on('data', (text) => {
    output += text;
  });
  const stopServer = async () => {
    await terminate(server);
    epmd.kill();
    await rm(home, { recursive: true, force: true });
  };
  const url = `ws://127.0.0.1:${webStomp}/ws`;
  try {
    await untilListening(webStomp, server, () => output);
    return { url, ...(await createPeer(url, server.pid ?? 0, stopServer)) };
  } catch (error) {
    await stopServer();
    throw error;
  }
}

const configuration = ({ amqp, stomp, webStomp }: Record<'amqp' | 'stomp' | 'webStomp', number>): string =>
  `listeners.tcp.1 = 127.0.0.1:${amqp}
stomp.listeners.tcp.1 = 127.0.0.1:${stomp}
web_stomp.tcp.ip = 127.0.0.1
web_stomp.tcp.port = ${webStomp}
`;

const environment = (home: string, epmdPort: number, distribution: number): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: home,
  ERL_EPMD_PORT: String(epmdPort),
  ERL_EPMD_ADDRESS: '127.0.0.1',
  RABBITMQ_NODENAME: `herald${epmdPort}@localhost`,
  RABBITMQ_DIST_PORT: String(distribution),
  RABBITMQ_MNESIA_BASE: join(home, 'data'),
  RABBITMQ_LOG_BASE: join(home, 'log'),
  RABBITMQ_ENABLED_PLUGINS_FILE: join(home, 'plugins'),
  RABBITMQ_CONFIG_FILE: join(home, 'rabbitmq.conf'),
  RABBITMQ_PID_FILE: join(home, 'pid'),
});

async function untilListening(port: number, server: ChildProcess, output: () => string): Promise<void> {
  const deadlineAt = Date.now() + START_DEADLINE_MS;
  while (!(output().includes('completed with') && (await isListening(port)))) {
    if (server.exitCode !== null || Date.now() > deadlineAt)
      throw new Error(`RabbitMQ did not start: ${output()}`);
    await sleep(200);
  }
}

/** The script waits for the server, which ends in an orderly way, and within its time. */
async function terminate(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  for (const { pid } of descendantsOf(child.pid)) process.kill(pid, 'SIGTERM');
  const forced = setTimeout(() => process.kill(-Number(child.pid), 'SIGKILL'), STOP_DEADLINE_MS);
  await ended;
  clearTimeout(forced);
}

async function createPeer(url: string, pid: number, stopServer: () => Promise<void>): Promise<Peer> {
  const clients: StompClient[] = []; // by device
  const receipts = new Map<string, () => void>();
  let number = 0;
  const publisher = await connectStomp(url, ({ command, headers }) => {
    if (command === 'RECEIPT') receipts.get(headers['receipt-id'] ?? '')?.();
  });

  const open = async (device: number, received: Received) => {
    const subscribed = Promise.withResolvers<void>();
    const client = await connectStomp(url, (frame) => {
      if (frame.command === 'RECEIPT') return subscribed.resolve();
      received(device, frame.body);
      client.send('ACK', { id: frame.headers.ack ?? '' });
    });
    client.send('SUBSCRIBE', {
      destination: EXCHANGE,
      id: '0',
      ack: 'client-individual',
      durable: 'true',
      'auto-delete': 'false',
      'x-queue-name': `device-${device}`,
      receipt: 'subscribed',
    });
    await subscribed.promise;
    clients[device] = client;
  };

  return {
    name: 'RabbitMQ',
    promises: 'a durable queue per device, persistent messages, publisher confirms, an ack for each',
    async connect(from, to, received) {
      for (let device = from; device < to; device++) await open(device, received);
    },
    async publish(payload) {
      const receipt = `r${++number}`;
      const { promise, resolve } = Promise.withResolvers<void>();
      receipts.set(receipt, resolve);
      publisher.send('SEND', { destination: EXCHANGE, persistent: 'true', receipt }, payload);
      await promise;
      receipts.delete(receipt);
    },
    cpu: async () => ({
      total: [{ pid }, ...descendantsOf(pid)].reduce((sum, each) => sum + cpuMsOf(each.pid), 0),
      database: 0,
    }),
    async disconnect(device) {
      clients[device]?.close();
    },
    async stop() {
      for (const client of [publisher, ...clients]) client.close();
      await stopServer();
    },
  };
}
