/** A `sync` on open starts a connection at once, however late the stream is, and the stream adds nothing. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Client } from '../../../local/cli/client.ts';
import { type SpawnedStack, spawnStack } from '../../../local/cli/spawn.ts';
import { issueToken } from '../../../local/cli/token.ts';
import { SECRET } from '../target.ts';

/** What comes sooner did not wait for the stream. */
const STREAM_DELAY_MS = 4000;
const DEADLINE_MS = 45_000;

let stack: SpawnedStack;
beforeAll(async () => {
  stack = await spawnStack(['--stream-delay-ms', String(STREAM_DELAY_MS)], { HERALD_JWT_SECRET: SECRET });
});
afterAll(() => stack.stop());

const publish = async (user: string, data: number): Promise<void> => {
  const body = JSON.stringify({ to: { user }, type: 'test', data });
  const response = await fetch(`${stack.httpUrl}/notifications`, { method: 'POST', body });
  expect(response.status).toBe(200);
};

const open = async (user: string): Promise<Client> =>
  await Client.open(stack.wsUrl, { token: issueToken(user, SECRET), deviceId: 'phone', ack: 'client' });

/** A user who has missed three messages. */
async function missing(): Promise<string> {
  const user = randomUUID();
  const client = await open(user);
  client.send({ action: 'sync' });
  await client.caughtUp(DEADLINE_MS);
  await client.close();
  for (const data of [1, 2, 3]) await publish(user, data);
  return user;
}

/** The stream has told of every row that was written before this. */
async function streamHasCome(): Promise<void> {
  const client = await open(randomUUID());
  const openedAt = performance.now();
  await client.event('ready', DEADLINE_MS);
  // The row was written during the handshake, a moment before it was open.
  expect(performance.now() - openedAt).toBeGreaterThan(STREAM_DELAY_MS / 2);
  await client.close();
}

const events = ({ frames }: Client) => frames.map(({ event }) => event);

it('brings `ready` and what was missed, and nothing comes again when the stream does', async () => {
  const client = await open(await missing());
  client.send({ action: 'sync' });
  await client.caughtUp(DEADLINE_MS);
  expect(events(client)).toEqual(['ready', 'replay']);
  expect(client.messages.map(({ data }) => data)).toEqual([1, 2, 3]);
  await streamHasCome();
  client.send({ action: 'ping' });
  await client.event('pong', DEADLINE_MS);
  expect(events(client)).toEqual(['ready', 'replay', 'pong']);
  await client.close();
}, 120_000);

it('brings what follows `after`', async () => {
  const client = await open(await missing());
  client.send({ action: 'sync', after: 2 });
  await client.caughtUp(DEADLINE_MS);
  expect(events(client)).toEqual(['ready', 'replay']);
  expect(client.messages.map(({ data }) => data)).toEqual([3]);
  await client.close();
}, 120_000);

it('that is malformed leaves the start to the stream', async () => {
  const client = await open(await missing());
  client.send({ action: 'sync', after: -1 });
  await client.caughtUp(DEADLINE_MS);
  expect(events(client)).toEqual(['error', 'ready', 'replay']);
  expect(client.messages.map(({ data }) => data)).toEqual([1, 2, 3]);
  await client.close();
}, 120_000);
