/** Who comes and goes, as the application hears of it on the bus. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Client } from '../../../local/cli/client.ts';
import { type SpawnedStack, spawnStack } from '../../../local/cli/spawn.ts';
import { issueToken } from '../../../local/cli/token.ts';
import { schemasOf } from '../../support/schemas.ts';
import { SECRET } from '../target.ts';

const check = schemasOf('asyncapi.yaml');

const OFFLINE_AFTER_SECONDS = 3;
const WAIT = { timeout: 45_000, interval: 50 };

interface Told {
  source: string;
  'detail-type': string;
  detail: { userId: string; deviceId?: string; connectionId?: string; connectedAt?: number; at: number };
}

let stack: SpawnedStack;
const events: Told[] = [];
const stopped = new AbortController();

beforeAll(async () => {
  const args = ['--events', '--offline-after-seconds', String(OFFLINE_AFTER_SECONDS)];
  stack = await spawnStack(args, { HERALD_JWT_SECRET: SECRET });
  const { body } = await fetch(`${stack.httpUrl}/local/events`, { signal: stopped.signal });
  void readEvents(body as ReadableStream<Uint8Array>);
});
afterAll(async () => {
  stopped.abort();
  await stack.stop();
});

/** Until the test ends it. */
async function readEvents(body: ReadableStream<Uint8Array>): Promise<void> {
  let text = '';
  try {
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const complete = text.split('\n\n');
      text = complete.pop() ?? '';
      events.push(...complete.map((event) => JSON.parse(event.replace(/^data: /, ''))));
    }
  } catch {
    // Aborted.
  }
}

const open = (user: string, deviceId: string) =>
  Client.open(stack.wsUrl, { token: issueToken(user, SECRET), deviceId });

/** What is told of a user, in the order of `at`. */
const told = (user: string) =>
  events.filter(({ detail }) => detail.userId === user).sort((one, other) => one.detail.at - other.detail.at);
const kindsOf = (user: string) => told(user).map((event) => event['detail-type']);

it('tells of each connection, and of the user when the first opens and none is left for a while', async () => {
  const user = `user-${randomUUID()}`;
  const [phone, laptop] = [await open(user, 'phone'), await open(user, 'laptop')];
  await expect.poll(() => kindsOf(user).length, WAIT).toBeGreaterThanOrEqual(3);
  await phone.close();
  await laptop.close();
  // Each at least once.
  const ALL = ['Connection Closed', 'Connection Opened', 'User Offline', 'User Online'];
  await expect.poll(() => [...new Set(kindsOf(user))].sort(), WAIT).toEqual(ALL);
  for (const { source, detail, 'detail-type': kind } of told(user)) {
    expect(source).toBe('herald');
    check(kind.startsWith('User') ? 'UserChange' : 'ConnectionChange', detail);
  }
  const [opened] = told(user).filter((event) => event['detail-type'] === 'Connection Opened');
  expect(opened?.detail).toMatchObject({
    deviceId: 'phone',
    connectionId: expect.any(String),
    connectedAt: expect.any(Number),
  });
});

it('says neither of a user who is back in time', async () => {
  const user = `user-${randomUUID()}`;
  const first = await open(user, 'phone');
  await expect.poll(() => kindsOf(user), WAIT).toContain('User Online');
  await first.close();
  await expect.poll(() => kindsOf(user), WAIT).toContain('Connection Closed');
  const second = await open(user, 'phone');
  // Somebody who leaves later and is told of: the check of the first is over then.
  const other = `user-${randomUUID()}`;
  const others = await open(other, 'phone');
  await expect.poll(() => kindsOf(other), WAIT).toContain('User Online');
  await others.close();
  await expect.poll(() => kindsOf(other), WAIT).toContain('User Offline');
  const ofUsers = kindsOf(user).filter((kind) => kind.startsWith('User'));
  expect(ofUsers).toEqual(['User Online']);
  await second.close();
});

it('of a notification tells nothing, and publishes none of its own events', async () => {
  expect(events.map((event) => event['detail-type'])).not.toContain('Notification');
  const response = await fetch(`${stack.httpUrl}/users/herald/messages`);
  expect(await response.json()).toMatchObject({ head: 0 });
});
