/** 4. From publish to received on this machine: Herald's local stack and what a user would pick instead. */
import { listInstalled, notesOnMissing } from './peers/alternatives.ts';
import {
  createAudience,
  type Latency,
  measureLatency,
  measureThroughput,
  type Throughput,
} from './peers/drive.ts';
import { startHerald } from './peers/herald.ts';
import { type Peer, withPeer } from './peers/peer.ts';
import type { Question, Result, Row } from './result.ts';

const SIZES = [1, 3, 100, 1000];
const ROUNDS: Record<number, number> = { 1: 100, 3: 100, 100: 20, 1000: 5 };
const THROUGHPUT_AT = 100;

/** Whose guarantees are like Herald's: the goals are held against it. */
const REFERENCE = 'RabbitMQ';

interface Measured {
  name: string;
  promises: string;
  latencies: Latency[];
  throughput: Throughput | undefined;
}

export const measure: Question = async (progress) => {
  const herald = await measurePeer(() => startHerald(), progress);
  const others: Measured[] = [];
  for (const { start } of listInstalled()) others.push(await measurePeer(start, progress));
  return report(herald, others);
};

const measurePeer = (start: () => Promise<Peer>, progress: (text: string) => void): Promise<Measured> =>
  withPeer(start, async (peer) => {
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
  });

function report(herald: Measured, others: Measured[]): Result {
  const all = [herald, ...others];
  return {
    title: 'End to end on the local stack',
    rows: [
      ...SIZES.flatMap((devices, index) => latencyRows(devices, index, herald, others)),
      ...throughputRows(herald, others),
    ],
    plots: [
      {
        title: 'Publish to received at the last device, p50',
        unit: 'ms',
        logarithmic: true,
        groups: SIZES.map((devices, index) => ({
          label: `${devices} devices`,
          bars: all.map(({ name, latencies }) => ({ name, value: latencies[index]?.lastP50 ?? Number.NaN })),
        })),
      },
    ],
    notes: [
      ...all.map(({ name, promises }) => `${name}: ${promises}.`),
      ...notesOnMissing(),
      'Latency: one publish at a time, the next when the acks of the one before are dealt with. The devices of Herald acknowledge like its client library, after 50 messages or with their next ping, minutes later; those of RabbitMQ, NATS and Mosquitto every message, those of Socket.IO never. Throughput: four publishers, each waiting for its message to reach all.',
      'All devices are in one process beside the servers: those of Herald and RabbitMQ on a bare WebSocket, those of Socket.IO, NATS and Mosquitto with the client libraries that their users have.',
      'Of Herald the Lambdas are one thread, those of large fan-outs another, and all that stands for AWS, but the DynamoDB server, is a third. Each delivery is an HTTP request from one to the other, as on AWS: written, read, answered and read again before the device gets its frame. CPU counts all processes that serve: of Socket.IO its two and Redis.',
    ],
  };
}

function latencyRows(devices: number, index: number, herald: Measured, others: Measured[]): Row[] {
  return (['p50', 'p99', 'lastP50'] as const).map((which) => {
    const pick = ({ latencies }: Measured) => latencies[index]?.[which] ?? Number.NaN;
    const compared = compare(others, pick);
    const hasGoal = devices >= 100 && which !== 'p99';
    return {
      what: `${devices} devices: publish to received, ${which === 'lastP50' ? 'last device p50' : which}`,
      unit: 'ms',
      ours: pick(herald),
      ...compared,
      goal: hasGoal ? `≤ 0.5 × ${REFERENCE}` : 'printed',
      held: hasGoal && compared.naive !== undefined ? pick(herald) <= compared.naive / 2 : undefined,
    };
  });
}

function throughputRows(herald: Measured, others: Measured[]): Row[] {
  const rateOf = ({ throughput }: Measured) => throughput?.deliveriesPerSecond ?? Number.NaN;
  const cpuOf = ({ throughput }: Measured) => throughput?.cpuMicros ?? Number.NaN;
  const compared = compare(others, rateOf);
  return [
    {
      what: `${THROUGHPUT_AT} devices: sustained deliveries`,
      unit: '1/s',
      ours: rateOf(herald),
      ...compared,
      goal: `≥ 2 × ${REFERENCE}`,
      held: compared.naive === undefined ? undefined : rateOf(herald) >= 2 * compared.naive,
    },
    {
      what: `${THROUGHPUT_AT} devices: server CPU per delivery`,
      unit: 'µs',
      ours: cpuOf(herald),
      floor: herald.throughput?.databaseMicros ?? Number.NaN,
      ...compare(others, cpuOf),
      goal: 'printed; floor: the local DynamoDB server alone',
    },
  ];
}

function compare(others: Measured[], pick: (measured: Measured) => number): Pick<Row, 'naive' | 'peers'> {
  const reference = others.find(({ name }) => name === REFERENCE);
  return {
    ...(reference && { naive: pick(reference) }),
    ...(others.length > 0 && { peers: Object.fromEntries(others.map((each) => [each.name, pick(each)])) }),
  };
}
