/** 8b. What does a delivery cost beyond what any program would pay that posts a frame to a gateway? */
import { createAudience, measureThroughput, untilIdle } from './peers/drive.ts';
import { startFloor } from './peers/floor.ts';
import { startHerald } from './peers/herald.ts';
import type { Peer } from './peers/peer.ts';
import type { Question, Result } from './result.ts';
import { median } from './statistics.ts';

const DEVICES = 500;
const TURNS = 5;
const LOAD = { publishers: 2, seconds: 3 };
const GOAL = 1.4;

/** Microseconds of the servers' CPU a delivery. */
interface Cpu {
  total: number[];
  database: number[];
}

/** By turns, so that the machine's moods hit both. */
export const measure: Question = async (progress) => {
  // So high that it holds nothing back.
  const peers = [await startHerald({ audience: 'topic', fanOutRate: 100_000 }), await startFloor()] as const;
  try {
    const [ours, floor] = await Promise.all(peers.map(prepared));
    for (let turn = 1; turn <= TURNS; turn++) {
      progress(`CPU, turn ${turn}/${TURNS}`);
      await ours?.take();
      await floor?.take();
    }
    return report(ours?.cpu ?? NONE, floor?.cpu ?? NONE);
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
  }
};

const NONE: Cpu = { total: [], database: [] };

async function prepared(peer: Peer) {
  const audience = createAudience(peer);
  await audience.grow(DEVICES);
  const cpu: Cpu = { total: [], database: [] };
  for (let warmUp = 0; warmUp < 10; warmUp++) await audience.send();
  return {
    cpu,
    async take() {
      await untilIdle(peer);
      const { cpuMicros, databaseMicros } = await measureThroughput(peer, audience, LOAD);
      cpu.total.push(cpuMicros);
      cpu.database.push(databaseMicros);
    },
  };
}

function report(ours: Cpu, floor: Cpu): Result {
  const database = median(ours.database);
  const own = median(ours.total) - database;
  const least = median(floor.total);
  return {
    title: 'A delivery and the least it could cost',
    rows: [
      {
        what: `a topic of ${DEVICES}: server CPU per delivery, without the local DynamoDB server`,
        unit: 'µs',
        ours: own,
        floor: least,
        goal: `ratio ≤ ${GOAL}`,
        held: own <= GOAL * least,
      },
      { what: 'the local DynamoDB server, per delivery', unit: 'µs', ours: database, goal: 'printed' },
    ],
    notes: [
      'Floor: a bare `node:http` client that posts each frame to a bare `node:http` server in the same process, 64 at once, which writes it to a WebSocket: no signature, no look-up of who hears it, no store, no checks. Ours is the whole local stack, Lambdas and gateway.',
      'Where ours went on 2026-11-26, by `--cpu-prof`: 72 % in Node itself (HTTP, sockets, hashes), 9 % in our clients of AWS, 4 % in what stands for AWS, 4 % in the garbage collector, 2 % each in signatures, the domain and the log. Without a line of ours three quarters of it would remain: two threads speak HTTP over signed requests where the floor is one. The ratio was 1.9, 2.9 and 3.0 in three runs on idle machines: that of two threads moves with the machine more than that of one.',
    ],
  };
}
