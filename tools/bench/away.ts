/** 4b. A device comes back: from connect to the last of what it missed. */
import { type Alternative, listInstalled, notesOnMissing } from './peers/alternatives.ts';
import { startHerald } from './peers/herald.ts';
import { hasMosquitto, startMosquitto } from './peers/mosquitto.ts';
import { type Peer, withPeer } from './peers/peer.ts';
import type { Question, Result } from './result.ts';
import { median } from './statistics.ts';

const PADDING = 'x'.repeat(220);
const ROUNDS = 7;
const PUBLISHERS = 8;
const DEADLINE_MS = 60_000;

interface Ours {
  thousandMs: number;
  /** CPU of the DynamoDB server for the same. */
  databaseMs: number;
  frames: number;
  tenThousandMs: number;
}

interface Theirs {
  name: string;
  promises: string;
  thousandMs: number;
}

export const measure: Question = async (progress) => {
  const ours = await measureHerald(progress);
  const theirs: Theirs[] = [];
  for (const alternative of listInstalled()) {
    progress(`${alternative.name}, 1,000 messages`);
    theirs.push(await measureAlternative(alternative));
  }
  return report(ours, theirs, hasMosquitto() ? await measurePlainTcp(progress) : undefined);
};

async function measureHerald(progress: (text: string) => void): Promise<Ours> {
  const herald = await startHerald({ ackMode: 'auto' });
  try {
    progress('Herald, 1,000 messages');
    let databaseMs = 0;
    const databaseUntilNow = async () => (await herald.cpu()).database;
    const thousandMs = median(
      await comeBack(herald, 1000, ROUNDS, {
        async before() {
          herald.takeReplayFrames();
          databaseMs -= (await databaseUntilNow()) / ROUNDS;
        },
        async after() {
          databaseMs += (await databaseUntilNow()) / ROUNDS;
        },
      }),
    );
    const frames = herald.takeReplayFrames();
    progress('Herald, 10,000 messages');
    const tenThousandMs = median(await comeBack(herald, 10_000, 1));
    return { thousandMs, databaseMs, frames, tenThousandMs };
  } finally {
    await herald.stop();
  }
}

/** Of no use to a browser, but free of what WebSockets cost Mosquitto when they are polled. */
async function measurePlainTcp(progress: (text: string) => void): Promise<Theirs> {
  progress('Mosquitto over plain TCP, 1,000 messages');
  return await measureAlternative({ start: () => startMosquitto({ transport: 'tcp' }) });
}

const measureAlternative = ({ start }: Pick<Alternative, 'start'>): Promise<Theirs> =>
  withPeer(start, async (peer) => ({
    name: peer.name,
    promises: peer.promises,
    thousandMs: median(await comeBack(peer, 1000, ROUNDS)),
  }));

function report(
  { thousandMs, databaseMs, frames, tenThousandMs }: Ours,
  theirs: Theirs[],
  plainTcp: Theirs | undefined,
): Result {
  const fastestMs = Math.min(...theirs.map((peer) => peer.thousandMs));
  const isCompared = theirs.length > 0;
  return {
    title: 'Replay after being away',
    rows: [
      {
        what: '1,000 messages of 300 bytes, connect to the last',
        unit: 'ms',
        ours: thousandMs,
        ...(isCompared && {
          naive: fastestMs,
          peers: Object.fromEntries(theirs.map((peer) => [peer.name, peer.thousandMs])),
        }),
        goal: 'ahead of all',
        held: isCompared ? thousandMs < fastestMs : undefined,
      },
      {
        what: '1,000 messages: of it the local DynamoDB server, CPU',
        unit: 'ms',
        ours: databaseMs,
        goal: 'printed',
      },
      { what: '1,000 messages: frames', unit: 'frames', ours: frames, goal: '≤ 14', held: frames <= 14 },
      {
        what: '10,000 messages, connect to the last',
        unit: 'ms',
        ours: tenThousandMs,
        floor: thousandMs,
        goal: '≤ 10 × 1,000',
        held: tenThousandMs <= 10 * thousandMs,
      },
    ],
    plots: [
      {
        title: 'Replay of a thousand missed messages, connect to the last',
        unit: 'ms',
        groups: [
          {
            label: '',
            bars: [{ name: 'Herald', thousandMs }, ...theirs].map((each) => ({
              name: each.name,
              value: each.thousandMs,
            })),
          },
        ],
      },
    ],
    notes: [
      ...theirs.map(({ name, promises }) => `${name}: ${promises}.`),
      ...notesOnMissing(),
      ...(plainTcp
        ? [
            `Mosquitto over plain TCP instead of a WebSocket: ${plainTcp.thousandMs.toFixed(1)} ms, outside the goal.`,
          ]
        : []),
      'The ratio of the first row is to the fastest peer. Of Herald each message is read from the database and may be days old; a device needs nothing but its id.',
    ],
  };
}

/** Around each replay, so that only this one is counted. */
interface Around {
  before(): Promise<void>;
  after(): Promise<void>;
}

async function comeBack(peer: Peer, count: number, rounds: number, around?: Around): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await peer.connect(0, 1, () => {});
    await peer.disconnect(0);
    const payloads = Array.from({ length: count }, (_, index) => `${round}/${index} ${PADDING}`);
    await publishAll(peer, payloads);
    await around?.before();
    times.push(await receiveAll(peer, payloads));
    await around?.after();
    await peer.disconnect(0);
  }
  return times;
}

async function publishAll(peer: Peer, payloads: readonly string[]): Promise<void> {
  let next = 0;
  const publisher = async () => {
    for (let payload = payloads[next++]; payload !== undefined; payload = payloads[next++])
      await peer.publish(payload);
  };
  await Promise.all(Array.from({ length: PUBLISHERS }, publisher));
}

/** Milliseconds from connect to the last. What comes twice, or from a round before, does not count. */
async function receiveAll(peer: Peer, payloads: readonly string[]): Promise<number> {
  const missing = new Set(payloads);
  const { promise: all, resolve, reject } = Promise.withResolvers<number>();
  const deadline = setTimeout(
    () => reject(new Error(`${peer.name}: ${missing.size} of ${payloads.length} messages did not come`)),
    DEADLINE_MS,
  );
  const startedAt = performance.now();
  const connected = peer.connect(0, 1, (_device, payload) => {
    if (missing.delete(payload) && missing.size === 0) resolve(performance.now() - startedAt);
  });
  try {
    const [tookMs] = await Promise.all([all, connected]);
    return tookMs;
  } finally {
    clearTimeout(deadline);
  }
}
