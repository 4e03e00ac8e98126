/** 4. From publish to received on this machine: Herald's local stack and what a user would pick instead. */
import {
  createAudience,
  type Latency,
  measureLatency,
  measureThroughput,
  type Throughput,
} from './peers/drive.ts';
import { startHerald } from './peers/herald.ts';
import type { Peer } from './peers/peer.ts';
import { hasRabbitMq, startRabbitMq } from './peers/rabbitmq.ts';
import type { Question, Result, Row } from './result.ts';

const SIZES = [1, 3, 100, 1000];
const ROUNDS: Record<number, number> = { 1: 100, 3: 100, 100: 20, 1000: 5 };
const THROUGHPUT_AT = 100;

interface Measured {
  name: string;
  promises: string;
  latencies: Latency[];
  throughput: Throughput | undefined;
}

export const measure: Question = async (progress) => {
  const herald = await measurePeer(() => startHerald(), progress);
  const rabbit = hasRabbitMq() ? await measurePeer(startRabbitMq, progress) : undefined;
  return report(herald, rabbit);
};

async function measurePeer(start: () => Promise<Peer>, progress: (text: string) => void): Promise<Measured> {
  const peer = await start();
  try {
    const audience = createAudience(peer);
    const latencies: Latency[] = [];
    let throughput: Throughput | undefined;
    for (const devices of SIZES) {
      progress(`${peer.name}: ${devices} devices`);
      latencies.push(await measureLatency(audience, devices, ROUNDS[devices] ?? 10));
      if (devices !== THROUGHPUT_AT) continue;
      progress(`${peer.name}: as many as it carries`);
      throughput = await measureThroughput(peer, audience, { publishers: 4, seconds: 5 });
    }
    return { name: peer.name, promises: peer.promises, latencies, throughput };
  } finally {
    await peer.stop();
  }
}

function report(herald: Measured, rabbit: Measured | undefined): Result {
  const rows = SIZES.flatMap((devices, index): Row[] => {
    const [ours, theirs] = [herald.latencies[index], rabbit?.latencies[index]];
    const compared = devices >= 100 && theirs !== undefined;
    return (['p50', 'p99', 'lastP50'] as const).map((which) => ({
      what: `${devices} devices: publish to received, ${which === 'lastP50' ? 'last device p50' : which}`,
      unit: 'ms',
      ours: ours?.[which] ?? Number.NaN,
      ...(theirs && { naive: theirs[which] }),
      goal: devices >= 100 && which !== 'p99' ? '≤ 0.5 × RabbitMQ' : 'printed',
      held: compared && which !== 'p99' ? (ours?.[which] ?? Number.NaN) <= theirs[which] / 2 : undefined,
    }));
  });
  return {
    title: 'End to end on the local stack',
    rows: [...rows, ...throughputRows(herald.throughput, rabbit?.throughput)],
    plots: [
      {
        title: 'Publish to received at the last device, p50',
        unit: 'ms',
        logarithmic: true,
        groups: SIZES.map((devices, index) => ({
          label: `${devices} devices`,
          bars: [herald, ...(rabbit ? [rabbit] : [])].map(({ name, latencies }) => ({
            name,
            value: latencies[index]?.lastP50 ?? Number.NaN,
          })),
        })),
      },
    ],
    notes: [
      ...[herald, ...(rabbit ? [rabbit] : [])].map(({ name, promises }) => `${name}: ${promises}.`),
      ...(rabbit ? [] : ['RabbitMQ is not installed (`apt-get install rabbitmq-server`): not compared.']),
      'Socket.IO with Redis streams is not compared: it needs a Redis server and two packages that nothing else here does.',
      'Latency: one publish at a time, the next when the acks of the one before are dealt with; the devices of Herald ack once a second (its client library: every 250 ms or 50 messages), those of RabbitMQ every message; throughput: four publishers, each waiting for its message to reach all. Acks of Herald are three DynamoDB calls each and share the one process with all else here.',
      'Everything of Herald but the DynamoDB server runs in one process here, the gateway that stands for API Gateway included.',
    ],
  };
}

function throughputRows(ours: Throughput | undefined, theirs: Throughput | undefined): Row[] {
  if (!ours) return [];
  return [
    {
      what: `${THROUGHPUT_AT} devices: sustained deliveries`,
      unit: '1/s',
      ours: ours.deliveriesPerSecond,
      ...(theirs && { naive: theirs.deliveriesPerSecond }),
      goal: '≥ 2 × RabbitMQ',
      held: theirs && ours.deliveriesPerSecond >= 2 * theirs.deliveriesPerSecond,
    },
    {
      what: `${THROUGHPUT_AT} devices: server CPU per delivery`,
      unit: 'µs',
      ours: ours.cpuMicros,
      floor: ours.databaseMicros,
      ...(theirs && { naive: theirs.cpuMicros }),
      goal: 'printed; floor: the local DynamoDB server alone',
    },
  ];
}
