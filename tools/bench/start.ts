/**
 * 4c. A device comes back while the table's stream is as late as on AWS: from connect to caught up, by a `sync` on open and
 * without one.
 */
import { randomUUID } from 'node:crypto';
import { Client } from '../../local/cli/client.ts';
import { type SpawnedStack, spawnStack } from '../../local/cli/spawn.ts';
import { issueToken, readJwtSecret } from '../../local/cli/token.ts';
import type { Question, Result } from './result.ts';
import { median } from './statistics.ts';

/** A record of a stream that is polled every 250 ms waits for half as long on average. */
const STREAM_DELAY_MS = 125;
const MISSED = 10;
const ROUNDS = 25;
const GOAL = 0.4;

export const measure: Question = async (progress) => {
  progress('starting the local stack');
  const stack = await spawnStack(['--stream-delay-ms', String(STREAM_DELAY_MS), '--quiet']);
  try {
    const waiting: number[] = [];
    const asking: number[] = [];
    const user = randomUUID();
    await comeBack(stack, user, true);
    // In turns, so that what else the machine does meets both.
    for (let round = 1; round <= ROUNDS; round++) {
      progress(`round ${round} of ${ROUNDS}`);
      waiting.push(await comeBack(stack, user, false));
      asking.push(await comeBack(stack, user, true));
    }
    return report(median(asking), median(waiting));
  } finally {
    await stack.stop();
  }
};

/** Milliseconds from connect to the last of what was missed. */
async function comeBack({ wsUrl, httpUrl }: SpawnedStack, user: string, asks: boolean): Promise<number> {
  for (let count = 0; count < MISSED; count++) {
    const body = JSON.stringify({ to: { user }, type: 'bench', data: count });
    const { status } = await fetch(`${httpUrl}/notifications`, { method: 'POST', body });
    if (status !== 200) throw new Error(`a publish was answered ${status}`);
  }
  const token = issueToken(user, readJwtSecret());
  const startedAt = performance.now();
  const client = await Client.open(wsUrl, { token, deviceId: 'phone' });
  if (asks) client.send({ action: 'sync', first: true });
  await client.caughtUp();
  const tookMs = performance.now() - startedAt;
  if (client.messages.length !== MISSED)
    throw new Error(`${client.messages.length} messages came, expected ${MISSED}`);
  await client.close();
  return tookMs;
}

const report = (ours: number, naive: number): Result => ({
  title: 'A start that does not wait for the stream',
  rows: [
    {
      what: `connect to caught up, ${MISSED} messages missed, a stream ${STREAM_DELAY_MS} ms late`,
      unit: 'ms',
      ours,
      naive,
      goal: `≤ ${GOAL} of without a sync on open`,
      held: ours <= GOAL * naive,
    },
  ],
  notes: ['Naive: the client says nothing, and the stream starts its connection.'],
});
