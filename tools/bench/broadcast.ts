/** 9. One message to many users at once, over real sockets: Herald's topic and what a user would pick instead. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '../../local/cli/client.ts';
import { DEFAULT_JWT_SECRET, issueToken } from '../../local/cli/token.ts';
import { type Alternative, listInstalled, notesOnMissing } from './peers/alternatives.ts';
import {
  type Audience,
  createAudience,
  type Latency,
  measureLatency,
  measureThroughput,
  type Throughput,
  untilIdle,
} from './peers/drive.ts';
import { type HeraldPeer, publishTo, startHerald } from './peers/herald.ts';
import { withPeer } from './peers/peer.ts';
import type { Question, Result, Row } from './result.ts';
import { median, percentile } from './statistics.ts';

export interface Sizes {
  /** Devices that hear the topic, each of a user of its own; rising. */
  audiences: readonly number[];
  /** Where the throughput is measured; one of them. */
  throughputAt: number;
  rounds: number;
  /** Hear the topic while a user of another channel is published to. */
  background: number;
  /** Publishes to that user. */
  own: number;
  /** Of one user, and of as many users. */
  inline: number;
  inlineRounds: number;
}

/**
 * `BENCH_AUDIENCES=1000,10000 npm run bench broadcast`: ten thousand sockets fit into one machine, but
 * their connects to the local stack take it ten minutes.
 */
const audiences = (process.env.BENCH_AUDIENCES || '1000').split(',').map(Number);

const SIZES: Sizes = {
  audiences,
  throughputAt: 1000,
  rounds: 5,
  background: 2000,
  own: 300,
  inline: 250,
  inlineRounds: 40,
};

/** So high that it holds nothing back. */
const UNPACED = 100_000;

interface Measured {
  name: string;
  latencies: Latency[];
  throughput: Throughput | undefined;
}

export const measure: Question = (progress) => measureSizes(SIZES, progress);

export async function measureSizes(sizes: Sizes, progress: (text: string) => void): Promise<Result> {
  const herald = await measurePeer(
    { name: 'Herald', start: () => startHerald({ audience: 'topic', fanOutRate: UNPACED }) },
    sizes,
    progress,
  );
  const paced = await measurePaced(sizes, progress);
  const others: Measured[] = [];
  for (const alternative of listInstalled()) others.push(await measurePeer(alternative, sizes, progress));
  const neighbour = await measureNeighbour(sizes, progress);
  const answers = await measureAnswers(sizes, progress);
  return report(sizes, { herald, paced, others, neighbour, answers });
}

const measurePeer = (
  { name, start }: Pick<Alternative, 'name' | 'start'>,
  { audiences, throughputAt, rounds }: Sizes,
  progress: (text: string) => void,
): Promise<Measured> =>
  withPeer(start, async (peer) => {
    const audience = createAudience(peer);
    const latencies: Latency[] = [];
    let throughput: Throughput | undefined;
    for (const devices of audiences) {
      progress(`${name}: ${devices} users`);
      latencies.push(await measureLatency(audience, devices, rounds, () => untilIdle(peer)));
      if (devices !== throughputAt) continue;
      progress(`${name}: as many as it carries`);
      throughput = await measureThroughput(peer, audience, { publishers: 4, seconds: 5 });
    }
    return { name, latencies, throughput };
  });

/** At the rate that fan-outs have by default, so that other users' messages get their share. */
const measurePaced = ({ audiences, rounds }: Sizes, progress: (text: string) => void): Promise<Latency> =>
  withPeer(
    () => startHerald({ audience: 'topic' }),
    async (peer) => {
      progress('Herald, paced');
      return await measureLatency(createAudience(peer), audiences[0] ?? 0, rounds, () => untilIdle(peer));
    },
  );

/** Milliseconds from publish to received, of a user who has nothing to do with the topic. */
interface Neighbour {
  quietP99: number;
  busyP99: number;
}

async function measureNeighbour(
  { background, own }: Sizes,
  progress: (text: string) => void,
): Promise<Neighbour> {
  const herald = await startHerald({ audience: 'topic' });
  try {
    progress(`a user's own messages beside a topic of ${background}`);
    const audience = createAudience(herald);
    await audience.grow(background);
    const neighbour = await openNeighbour(herald);
    const { latency } = neighbour;
    for (let warmUp = 0; warmUp < own / 10; warmUp++) await latency();
    await audience.send();
    await untilIdle(herald);
    const quiet: number[] = [];
    while (quiet.length < own) quiet.push(await latency());
    const busy = await duringBroadcasts(herald, audience, { count: own, take: latency });
    await neighbour.close();
    return { quietP99: percentile(quiet, 0.99), busyP99: percentile(busy, 0.99) };
  } finally {
    await herald.stop();
  }
}

/** Until there are `count` latencies, each of a message that was sent during a broadcast. */
async function duringBroadcasts(
  herald: HeraldPeer,
  audience: Audience,
  { count, take }: { count: number; take: () => Promise<number> },
): Promise<number[]> {
  const taken: number[] = [];
  while (taken.length < count) {
    let isUnderWay = true;
    const broadcasting = audience.send().finally(() => {
      isUnderWay = false;
    });
    while (isUnderWay) taken.push(await take());
    await broadcasting;
    await untilIdle(herald);
  }
  return taken;
}

const NEIGHBOUR = 'neighbour';
/** Between two publishes. */
const PAUSE_MS = 20;

async function openNeighbour({ wsUrl, httpUrl }: HeraldPeer) {
  const token = issueToken(NEIGHBOUR, DEFAULT_JWT_SECRET);
  const client = await Client.open(wsUrl, { token, ack: 'client' }); // its acks are not what is measured
  await client.caughtUp(60_000);
  const publish = publishTo(httpUrl, { user: NEIGHBOUR });
  let received = (_payload: string): unknown => undefined;
  let number = 0;
  client.onFrame((frame) => {
    if (frame.event === 'message') received((frame.data as { payload: string }).payload);
  });
  return {
    async latency(): Promise<number> {
      const payload = `${++number} ${'x'.repeat(220)}`;
      const { promise, resolve } = Promise.withResolvers<void>();
      received = (heard) => heard === payload && resolve();
      const startedAt = performance.now();
      await Promise.all([publish.send(payload), promise]);
      const took = performance.now() - startedAt;
      await sleep(PAUSE_MS);
      return took;
    },
    async close() {
      publish.close();
      await client.close();
    },
  };
}

/** Milliseconds until the publisher has its answer. */
interface Answers {
  topic: number;
  user: number;
}

/** By turns, so that the machine's moods hit both. */
async function measureAnswers(
  { inline, inlineRounds }: Sizes,
  progress: (text: string) => void,
): Promise<Answers> {
  progress(`answers with ${inline} connections`);
  const ofUser = await startHerald();
  const ofTopic = await startHerald({ audience: 'topic' });
  try {
    const taken = { user: [] as number[], topic: [] as number[] };
    const peers = { user: ofUser, topic: ofTopic };
    for (const peer of [ofUser, ofTopic]) await peer.connect(0, inline, () => {});
    for (let round = 0; round < inlineRounds; round++) {
      for (const audience of ['user', 'topic'] as const) {
        const startedAt = performance.now();
        await peers[audience].publish(`${round} ${'x'.repeat(220)}`);
        if (round > 0) taken[audience].push(performance.now() - startedAt);
        await untilIdle(peers[audience]);
      }
    }
    return { user: median(taken.user), topic: median(taken.topic) };
  } finally {
    await Promise.all([ofUser.stop(), ofTopic.stop()]);
  }
}

interface AllMeasured {
  herald: Measured;
  paced: Latency;
  others: Measured[];
  neighbour: Neighbour;
  answers: Answers;
}

function report(sizes: Sizes, { herald, paced, others, neighbour, answers }: AllMeasured): Result {
  const { audiences, throughputAt, background, inline } = sizes;
  const peers = (pick: (measured: Measured) => number) =>
    others.length === 0 ? {} : { peers: Object.fromEntries(others.map((each) => [each.name, pick(each)])) };
  const row = (what: string, unit: string, pick: (measured: Measured) => number): Row => ({
    what,
    unit,
    ours: pick(herald),
    ...peers(pick),
    goal: 'printed',
  });
  const lastOf = (index: number) => (measured: Measured) => measured.latencies[index]?.lastP50 ?? Number.NaN;
  const compared = (what: string, ours: number, floor: number, most: number): Row => ({
    what,
    unit: 'ms',
    ours,
    floor,
    goal: `ratio ≤ ${most}`,
    held: ours <= most * floor,
  });
  return {
    title: 'One message to many users',
    rows: [
      ...audiences.flatMap((users, index) => [
        row(
          `${users} users: publish to received, p50`,
          'ms',
          ({ latencies }) => latencies[index]?.p50 ?? NaN,
        ),
        row(`${users} users: publish to received, last device p50`, 'ms', lastOf(index)),
      ]),
      row(
        `${throughputAt} users: sustained deliveries`,
        '1/s',
        ({ throughput }) => throughput?.deliveriesPerSecond ?? NaN,
      ),
      row(
        `${throughputAt} users: server CPU per delivery`,
        'µs',
        ({ throughput }) => throughput?.cpuMicros ?? NaN,
      ),
      {
        what: `${paced.devices} users, fan-out paced as by default: last device p50`,
        unit: 'ms',
        ours: paced.lastP50,
        goal: 'printed',
      },
      compared(
        `a user’s own publish to received, p99, during a broadcast to ${background} instead of none`,
        neighbour.busyP99,
        neighbour.quietP99,
        2,
      ),
      compared(
        `publish answered: to a topic with ${inline} connections instead of a user with ${inline}`,
        answers.topic,
        answers.user,
        1.5,
      ),
    ],
    plots: [
      {
        title: 'Publish to received at the last of many users, p50',
        unit: 'ms',
        logarithmic: true,
        groups: audiences.map((users, index) => ({
          label: `${users} users`,
          bars: [herald, ...others].map((each) => ({ name: each.name, value: lastOf(index)(each) })),
        })),
      },
    ],
    notes: [
      ...whoIsFaster(sizes, herald, others),
      ...notesOnMissing(),
      'The same work for all: one message, each device gets it and acknowledges it (those of Socket.IO never do; those of Herald, like its library, after 50 messages or with their next ping, minutes later). RabbitMQ: a durable queue per device; NATS: a durable consumer per device with explicit acks; Mosquitto: a persistent session per device, QoS 1; Socket.IO: a room.',
      `Herald’s fan-out is unpaced here (\`fanOutRate\` ${UNPACED.toLocaleString('en')}), but where the row says so, and beside the user’s own messages. The local stack has one thread for the workers of fan-outs and one for all other Lambdas; on AWS each run has a machine of its own.`,
    ],
  };
}

/** In words, for each size. */
function whoIsFaster({ audiences }: Sizes, herald: Measured, others: Measured[]): string[] {
  if (others.length === 0) return [];
  return audiences.map((users, index) => {
    const ours = herald.latencies[index]?.lastP50 ?? Number.NaN;
    const compared = others.map(({ name, latencies }) => {
      const ratio = ours / (latencies[index]?.lastP50 ?? Number.NaN);
      return ratio > 1
        ? `${name} is ${ratio.toFixed(1)} × as fast`
        : `${name} takes ${(1 / ratio).toFixed(1)} × as long`;
    });
    return `To reach the last of ${users.toLocaleString('en')} users, ${compared.join(', ')} as Herald.`;
  });
}
