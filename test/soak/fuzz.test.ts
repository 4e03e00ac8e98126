/** Malformed frames and bodies by grammar, at least a hundred thousand: nothing crashes, nothing is stored, memory stays flat. */
import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MAX_FRAME_BYTES } from '../../lambdas/protocol/limits.ts';
import { Client } from '../../local/cli/client.ts';
import { type SpawnedStack, spawnStack } from '../../local/cli/spawn.ts';
import { issueToken, readJwtSecret } from '../../local/cli/token.ts';

/** Of each of three parts: two threads are warm only after the second. */
const FRAMES = 25_000;
const BODIES = 25_000;
const AT_ONCE = 32;
/** A process with so small a heap dies of a leak of half a kilobyte for each request. */
const HEAP_MEGABYTES = 64;
/** By what the process as a whole may still grow once it is warm. */
const MAX_GROWTH_MEGABYTES = 40;

const key = fc.constantFrom(
  'action',
  'seq',
  'after',
  'channel',
  'epoch',
  'ref',
  'to',
  'type',
  'data',
  '__proto__',
);
const leaf = fc.oneof(
  fc.string(),
  fc.constantFrom('ack', 'sync', 'dance', 'user:bob', ''),
  fc.double(),
  fc.maxSafeInteger(),
  fc.boolean(),
  fc.constant(null),
);
const tree = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('value'), { maxLength: 3 }), tie('object')),
  object: fc.dictionary(key, tie('value'), { maxKeys: 5 }),
})).object;
/** JSON, JSON cut off somewhere, and anything at all. */
const text = fc.oneof(
  tree.map((value) => JSON.stringify(value)),
  fc.tuple(tree, fc.nat(60)).map(([value, length]) => JSON.stringify(value).slice(0, length)),
  fc.string({ unit: 'binary', maxLength: 40 }),
);

const isObeyed = (frame: string): boolean => {
  try {
    const { action } = JSON.parse(frame);
    return action === 'ping' || action === 'sync' || action === 'ack';
  } catch {
    return false;
  }
};

/** Reproducible: the same texts in every run. */
const samples = (count: number, seed: number) => fc.sample(text, { numRuns: count, seed }).values();

async function residentMegabytes({ pid }: SpawnedStack): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

async function flood(stack: SpawnedStack, count: number, seed: number): Promise<void> {
  const bodies = samples(count, seed);
  const sender = async () => {
    for (const body of bodies) {
      const response = await fetch(`${stack.httpUrl}/notifications`, { method: 'POST', body });
      await response.arrayBuffer();
      expect(response.status).toBe(400);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
}

/** Each frame is answered by an error before the next goes out, so that none is left out. */
async function pester(client: Client, count: number, seed: number): Promise<void> {
  const frames = [...samples(count, seed)].filter(
    (frame) => !isObeyed(frame) && frame.length < MAX_FRAME_BYTES,
  );
  for (const frame of frames) {
    client.frames.length = 0;
    client.send(frame);
    await client.event('error');
  }
}

it('a flood of malformed frames and bodies changes nothing', async () => {
  const stack = await spawnStack(['--quiet'], {
    NODE_OPTIONS: `--max-old-space-size=${HEAP_MEGABYTES}`,
  });
  try {
    const token = issueToken('alice', readJwtSecret());
    const clients = await Promise.all(
      Array.from({ length: 8 }, (_, number) =>
        Client.open(stack.wsUrl, { token, deviceId: `device-${number}` }),
      ),
    );
    await Promise.all(clients.map((client) => client.caughtUp()));
    const part = async (seed: number) => {
      await flood(stack, BODIES, seed);
      await Promise.all(
        clients.map((client, number) => pester(client, FRAMES / clients.length + 1000, seed + number)),
      );
      return await residentMegabytes(stack);
    };
    await part(1);
    const before = await part(100);
    const after = await part(200);
    console.log(`resident: ${before.toFixed(0)} MB before, ${after.toFixed(0)} MB after`);
    expect(after - before).toBeLessThan(MAX_GROWTH_MEGABYTES);
    const history = await fetch(`${stack.httpUrl}/users/alice/messages`);
    expect(await history.json()).toEqual({ messages: [], through: 0, head: 0 });
    const presence = await fetch(`${stack.httpUrl}/users/alice/connections`);
    expect(await presence.json()).toMatchObject({ connections: { length: clients.length } });
    await Promise.all(clients.map((client) => client.close()));
  } finally {
    await stack.stop();
  }
});
