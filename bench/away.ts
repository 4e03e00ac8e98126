/** 4b. A device comes back: from connect to the last of what it missed. */
import { startHerald } from './peers/herald.ts';
import type { Peer } from './peers/peer.ts';
import { hasRabbitMq, startRabbitMq } from './peers/rabbitmq.ts';
import type { Question, Row } from './result.ts';
import { median } from './statistics.ts';

const PADDING = 'x'.repeat(220);
const ROUNDS = 5;
const PUBLISHERS = 8;

export const measure: Question = async (progress) => {
  const herald = await startHerald({ ackMode: 'auto' });
  let thousand: number;
  let frames: number;
  let tenThousand: number;
  try {
    progress('Herald, 1,000 messages');
    thousand = median(await comeBack(herald, 1000, ROUNDS, () => herald.takeReplayFrames()));
    frames = herald.takeReplayFrames();
    progress('Herald, 10,000 messages');
    tenThousand = median(await comeBack(herald, 10_000, 1));
  } finally {
    await herald.stop();
  }
  progress('RabbitMQ, 1,000 messages');
  const rabbit = hasRabbitMq()
    ? await withPeer(startRabbitMq, (peer) => comeBack(peer, 1000, ROUNDS))
    : undefined;
  const theirs = rabbit && median(rabbit);
  return {
    title: 'Replay after being away',
    rows: [
      {
        what: '1,000 messages of 300 bytes, connect to the last',
        unit: 'ms',
        ours: thousand,
        ...(theirs !== undefined && { naive: theirs }),
        goal: 'ahead of RabbitMQ',
        held: theirs === undefined ? undefined : thousand < theirs,
      },
      { what: '1,000 messages: frames', unit: 'frames', ours: frames, goal: '≤ 14', held: frames <= 14 },
      {
        what: '10,000 messages, connect to the last',
        unit: 'ms',
        ours: tenThousand,
        floor: thousand,
        goal: '≤ 10 × 1,000',
        held: tenThousand <= 10 * thousand,
      },
    ] satisfies Row[],
  };
};

async function withPeer<Result>(
  start: () => Promise<Peer>,
  work: (peer: Peer) => Promise<Result>,
): Promise<Result> {
  const peer = await start();
  try {
    return await work(peer);
  } finally {
    await peer.stop();
  }
}

/** `before`: called when the device is about to come back, so that only this replay is counted. */
async function comeBack(peer: Peer, count: number, rounds: number, before = () => {}): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await peer.connect(0, 1, () => {});
    await peer.disconnect(0);
    await publishAll(peer, count);
    before();
    const all = Promise.withResolvers<void>();
    let missing = count;
    const startedAt = performance.now();
    const connected = peer.connect(0, 1, () => {
      if (--missing === 0) all.resolve();
    });
    await all.promise;
    times.push(performance.now() - startedAt);
    await connected;
    await peer.disconnect(0);
  }
  return times;
}

async function publishAll(peer: Peer, count: number): Promise<void> {
  let next = 0;
  const publisher = async () => {
    while (next < count) await peer.publish(`${next++} ${PADDING}`);
  };
  await Promise.all(Array.from({ length: PUBLISHERS }, publisher));
}
