/** Puts one pipeline through the same: latency with few and many devices, then as much as it carries. */
import { setTimeout as sleep } from 'node:timers/promises';
import { median, percentile } from '../statistics.ts';
import type { Peer } from './peer.ts';

/** 300 bytes with what stands around it. */
const PADDING = 'x'.repeat(220);
const DEADLINE_MS = 60_000;
/** One publish at a time, when the acks of the one before are dealt with. */
const ACK_MS = 3;

export interface Latency {
  devices: number;
  p50: number;
  p99: number;
  lastP50: number;
}

export interface Throughput {
  deliveriesPerSecond: number;
  cpuMicros: number;
  databaseMicros: number;
}

interface Awaited {
  startedAt: number;
  left: number;
  latencies: number[];
  done: () => void;
}

/** Devices that count what reaches them; connects more of them as asked. */
export function createAudience(peer: Peer) {
  const awaited = new Map<string, Awaited>();
  let devices = 0;
  let delivered = 0;
  let number = 0;

  const received = (_device: number, payload: string) => {
    const message = awaited.get(payload);
    if (!message) return;
    delivered += 1;
    message.latencies.push(performance.now() - message.startedAt);
    if (--message.left === 0) message.done();
  };

  return {
    get delivered() {
      return delivered;
    },
    async grow(to: number) {
      await peer.connect(devices, to, received);
      devices = to;
    },
    /** Resolves with the latency at each device when the last one has it. */
    async send(): Promise<number[]> {
      const payload = `${++number} ${PADDING}`;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const message = { startedAt: performance.now(), left: devices, latencies: [], done: resolve };
      awaited.set(payload, message);
      const deadline = setTimeout(
        () => reject(new Error(`${peer.name}: ${message.left} of ${devices} devices did not get a message`)),
        DEADLINE_MS,
      );
      try {
        await Promise.all([promise, peer.publish(payload)]);
      } finally {
        clearTimeout(deadline);
        awaited.delete(payload);
      }
      return message.latencies;
    },
  };
}

const IDLE_LOOK_MS = 400;
/** Of one processor: servers that wait look around now and then. */
const IDLE_SHARE = 0.2;

/** Until the servers have next to nothing to do. */
export async function untilIdle(peer: Peer): Promise<void> {
  const deadlineAt = Date.now() + DEADLINE_MS;
  for (let before = (await peer.cpu()).total; Date.now() < deadlineAt; ) {
    await sleep(IDLE_LOOK_MS);
    const { total } = await peer.cpu();
    if (total - before < IDLE_SHARE * IDLE_LOOK_MS) return;
    before = total;
  }
}

export type Audience = ReturnType<typeof createAudience>;

/** `rest`: until the acks of the publish before are dealt with. */
export async function measureLatency(
  audience: Audience,
  devices: number,
  rounds: number,
  rest = () => sleep(5 + ACK_MS * devices),
): Promise<Latency> {
  await audience.grow(devices);
  const warmUps = devices < 1000 ? 10 : 2;
  for (let warmUp = 0; warmUp < warmUps; warmUp++) await audience.send();
  const all: number[] = [];
  const last: number[] = [];
  await rest();
  await rest();
  for (let round = 0; round < rounds; round++) {
    const latencies = await audience.send();
    for (const latency of latencies) all.push(latency);
    last.push(Math.max(...latencies));
    await rest();
  }
  return { devices, p50: median(all), p99: percentile(all, 0.99), lastP50: median(last) };
}

export async function measureThroughput(
  peer: Peer,
  audience: Audience,
  { publishers, seconds }: { publishers: number; seconds: number },
): Promise<Throughput> {
  const before = await peer.cpu();
  const deliveredBefore = audience.delivered;
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1000;
  await Promise.all(
    Array.from({ length: publishers }, async () => {
      while (performance.now() < endsAt) await audience.send();
    }),
  );
  const took = (performance.now() - startedAt) / 1000;
  const after = await peer.cpu();
  const deliveries = audience.delivered - deliveredBefore;
  return {
    deliveriesPerSecond: deliveries / took,
    cpuMicros: ((after.total - before.total) * 1000) / deliveries,
    databaseMicros: ((after.database - before.database) * 1000) / deliveries,
  };
}
