import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type SpawnedStack, spawnStack } from '../../local/cli/spawn.ts';

const KILLS = Number(process.env.KILLS ?? 20);
const PUBLISHES = 1000;
const PUBLISHERS = 4;

/** The seq it was answered with; undefined if it was not answered. */
async function publish({ httpUrl }: SpawnedStack, data: unknown): Promise<number | undefined> {
  try {
    const response = await fetch(`${httpUrl}/notifications`, {
      method: 'POST',
      body: JSON.stringify({ to: { user: 'alice' }, type: 'test', data }),
    });
    const { results } = (await response.json()) as { results: [{ seq: number }] };
    return results[0].seq;
  } catch {
    return undefined;
  }
}

/** Publishes until all are answered or one is not; after `fatal` answers the stack is killed. */
async function publishUntilKilled(
  stack: SpawnedStack,
  round: number,
  fatal: number,
): Promise<Map<number, string>> {
  const answered = new Map<number, string>();
  const numbers = Array.from({ length: PUBLISHES }, (_, number) => number).values();
  const publisher = async () => {
    for (const number of numbers) {
      const data = `${round}/${number}`;
      const seq = await publish(stack, data);
      if (seq === undefined) return;
      answered.set(seq, data);
      if (answered.size === fatal) void stack.kill();
    }
  };
  await Promise.all(Array.from({ length: PUBLISHERS }, publisher));
  await stack.kill();
  return answered;
}

async function stored({ httpUrl }: SpawnedStack): Promise<Map<number, unknown>> {
  const messages = new Map<number, unknown>();
  for (let after = 0; ; ) {
    const response = await fetch(`${httpUrl}/users/alice/messages?after=${after}&limit=1000`);
    const page = (await response.json()) as {
      messages: { seq: number; data: unknown }[];
      through: number;
      head: number;
    };
    for (const { seq, data } of page.messages) messages.set(seq, data);
    if (page.through >= page.head) return messages;
    after = page.through;
  }
}

it(`every answered publish is there after kill -9, ${KILLS} times in a row`, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'herald-kill-'));
  const answered = new Map<number, string>();
  for (let round = 1; round <= KILLS; round++) {
    const stack = await spawnStack(['--quiet', '--data', directory]);
    const fatal = Math.floor((PUBLISHES / (KILLS + 1)) * round);
    for (const [seq, data] of await publishUntilKilled(stack, round, fatal)) {
      expect(answered.has(seq)).toBe(false);
      answered.set(seq, data);
    }
  }
  const stack = await spawnStack(['--quiet', '--data', directory]);
  const messages = await stored(stack);
  await stack.stop();
  await rm(directory, { recursive: true });

  expect(answered.size).toBeGreaterThan(KILLS);
  expect([...messages.keys()]).toEqual(Array.from(messages, (_, index) => index + 1));
  for (const [seq, data] of answered) expect(messages.get(seq)).toBe(data);
});
