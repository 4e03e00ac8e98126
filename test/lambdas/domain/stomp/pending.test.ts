/** Sockets that wait for their CONNECT: bounded by where they come from, and in all. */
import { beforeEach, describe, expect, it } from 'vitest';
import { PENDING_MS, reapPending } from '../../../../lambdas/domain/stomp/pending.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { type StompClient, StompWorld } from '../../../support/stomp-world.ts';

const running = useDynamoDb();

/** Each test is at a time of its own: what the tests before left has lapsed. */
let at = 0;
beforeEach(() => {
  at += 10 * PENDING_MS;
});

function worldOf(perAddress: number, inAll: number): StompWorld {
  const world = new StompWorld(running(), { stomp: { perAddress, inAll } });
  world.now += at;
  return world;
}

async function admitted(world: StompWorld, count: number, address = '192.0.2.9'): Promise<StompClient[]> {
  const clients: StompClient[] = [];
  for (let left = count; left > 0; left--) {
    const client = await world.open(address);
    if (client) clients.push(client);
  }
  return clients;
}

describe('sockets that wait', () => {
  it('are turned away beyond what one address may have', async () => {
    const world = worldOf(3, 1000);
    expect(await admitted(world, 5)).toHaveLength(3);
    expect(await admitted(world, 1, '192.0.2.10')).toHaveLength(1);
  });

  it('are turned away beyond what all may have, from however many addresses', async () => {
    const world = worldOf(3, 32);
    let count = 0;
    for (let address = 0; address < 100; address++)
      count += (await admitted(world, 1, `198.51.100.${address}`)).length;
    expect(count).toBeGreaterThanOrEqual(32);
    expect(count).toBeLessThanOrEqual(2 * 32);
  });

  it('make room when they say CONNECT', async () => {
    const world = worldOf(1, 1000);
    const [client] = await admitted(world, 1);
    expect(await admitted(world, 1)).toEqual([]);
    await client?.say('CONNECT\naccept-version:1.2\ntoken:of:alice\n\n\0');
    expect(await admitted(world, 1)).toHaveLength(1);
  });

  it('count until their time is over when they are refused: so a page that comes back at once is turned away', async () => {
    const world = worldOf(2, 1000);
    for (const client of await admitted(world, 2)) await client.say('CONNECT\ntoken:bad\n\n\0');
    expect(await admitted(world, 1)).toEqual([]);
    world.now += PENDING_MS + 1000;
    expect(await admitted(world, 1)).toHaveLength(1);
  });

  it('are closed when their time is over, but for those that have said CONNECT', async () => {
    const world = worldOf(2, 1000);
    const [waiting, other] = await admitted(world, 2);
    await other?.say('CONNECT\naccept-version:1.2\ntoken:of:alice\n\n\0');
    for (const client of [waiting, other]) if (client) await reapPending(world.app, client);
    expect([waiting?.isOpen, other?.isOpen]).toEqual([false, true]);
  });

  it('say CONNECT once: of two at once at most one is answered, or the second ends the connection', async () => {
    const world = worldOf(2, 1000);
    const [client] = await admitted(world, 1);
    const connect = () => client?.say('CONNECT\naccept-version:1.2\ntoken:of:bob\n\n\0');
    await Promise.all([connect(), connect()]);
    const connected = client?.frames.filter(({ command }) => command === 'CONNECTED') ?? [];
    expect(connected.length).toBeLessThanOrEqual(1);
    // The second may find that the first was served, before that is answered: it is one too many.
    if (connected.length === 0) expect(client?.isOpen).toBe(false);
  });
});
