/** What a user would pick instead of Herald, as far as this machine has it. */
import { hasMosquitto, startMosquitto } from './mosquitto.ts';
import { hasNats, startNats } from './nats.ts';
import type { Peer } from './peer.ts';
import { hasRabbitMq, startRabbitMq } from './rabbitmq.ts';
import { hasRedis, startSocketIo } from './socket-io.ts';

export interface Alternative {
  name: string;
  /** Of Debian. */
  package: string;
  isInstalled(): boolean;
  start(): Promise<Peer>;
}

const ALTERNATIVES: readonly Alternative[] = [
  { name: 'RabbitMQ', package: 'rabbitmq-server', isInstalled: hasRabbitMq, start: startRabbitMq },
  { name: 'NATS', package: 'nats-server', isInstalled: hasNats, start: startNats },
  { name: 'Socket.IO', package: 'redis-server', isInstalled: hasRedis, start: startSocketIo },
  { name: 'Mosquitto', package: 'mosquitto', isInstalled: hasMosquitto, start: () => startMosquitto() },
];

export const listInstalled = (): Alternative[] => ALTERNATIVES.filter(({ isInstalled }) => isInstalled());

export const notesOnMissing = (): string[] =>
  ALTERNATIVES.filter(({ isInstalled }) => !isInstalled()).map(
    ({ name, package: missing }) => `${name} is not compared: \`apt-get install ${missing}\` first.`,
  );
