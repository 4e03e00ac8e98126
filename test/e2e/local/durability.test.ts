import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Client } from '../../../local/cli/client.ts';
import { type SpawnedStack, spawnStack } from '../../../local/cli/spawn.ts';
import { issueToken } from '../../../local/cli/token.ts';
import { range, SECRET } from '../target.ts';

let directory: string;
let stack: SpawnedStack;

const start = () => spawnStack(['--data', directory], { HERALD_JWT_SECRET: SECRET });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'herald-'));
  stack = await start();
});

afterEach(async () => {
  await stack.stop();
  await rm(directory, { recursive: true });
});

/** The seq it was answered with; undefined if it was not answered. */
async function publish(data: unknown): Promise<number | undefined> {
  try {
    const response = await fetch(`${stack.httpUrl}/notifications`, {
      method: 'POST',
      body: JSON.stringify({ to: { user: 'alice' }, type: 'test', data }),
    });
    const { results } = (await response.json()) as { results: [{ seq: number }] };
    return results[0].seq;
  } catch {
    return undefined;
  }
}

it('a publish that was answered survives kill -9 of the stack, with its seq', async () => {
  const answered = new Map<number, number>();
  const contents = range(1, 1000).entries();
  const publisher = async () => {
    for (const [, data] of contents) {
      const seq = await publish(data);
      if (seq === undefined) return;
      answered.set(seq, data);
      if (answered.size === 100) void stack.kill();
    }
  };
  await Promise.all(range(1, 4).map(publisher));
  await stack.kill();
  expect(answered.size).toBeGreaterThanOrEqual(100);
  expect(answered.size).toBeLessThan(1000);

  stack = await start();
  const phone = await Client.open(stack.wsUrl, { token: issueToken('alice', SECRET), deviceId: 'phone' });
  await phone.caughtUp();
  const kept = new Map(phone.messages.map(({ seq, data }) => [seq, data]));
  expect([...kept.keys()]).toEqual(range(1, kept.size));
  for (const [seq, data] of answered) expect(kept.get(seq)).toBe(data);
  await phone.close();
});
