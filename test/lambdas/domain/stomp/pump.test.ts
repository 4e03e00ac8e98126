/** One sender at a time serves a STOMP connection: in order, each seq once to each subscription. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { EVERYONE, topicChannel } from '../../../../lambdas/domain/model.ts';
import type { PostOutcome } from '../../../../lambdas/domain/ports/gateway.ts';
import { LEASE_MS } from '../../../../lambdas/domain/stomp/lease.ts';
import { pump } from '../../../../lambdas/domain/stomp/pump.ts';
import { WINDOW } from '../../../../lambdas/domain/stomp/send-channel.ts';
import { NO_ORIGIN } from '../../../../lambdas/protocol/notification.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { type StompClient, StompWorld } from '../../../support/stomp-world.ts';

const running = useDynamoDb();
const newUser = () => `user-${randomUUID()}`;
const upTo = (last: number, first = 1) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** A user with one client, which has subscribed to the user's own channel. */
async function subscribed(more: { ack?: string; before?: number; head?: string; device?: string } = {}) {
  const world = new StompWorld(running());
  const user = newUser();
  for (const n of upTo(more.before ?? 0)) await world.publish(user, n);
  const client = await world.connected(user, more.device, more.head);
  await client.subscribe('/user/queue/any', 'sub-0', more.ack && `ack:${more.ack}\n`);
  await world.drive();
  return { world, user, client };
}

const throttled = (times: number): PostOutcome[] => Array(times).fill('throttled');

describe('what a device missed', () => {
  it('comes first, in order, several in one text, and says that it is replayed', async () => {
    const { world, user, client } = await subscribed({ before: 30 });
    expect(client.seqs).toEqual(upTo(30));
    expect(client.texts).toHaveLength(2);
    expect(client.messages.every(({ headers }) => headers.replayed === 'true')).toBe(true);
    await world.publish(user, 'live');
    expect(client.messages.at(-1)?.headers).not.toHaveProperty('replayed');
    expect(client.messages.at(-1)?.headers).toMatchObject({
      subscription: 'sub-0',
      destination: '/user/queue/any',
    });
    expect(await world.cursor(user)).toBe(31);
  });

  it('comes one in a text where its client reads no more, or says so', async () => {
    for (const head of ['host:x\n', 'herald-batch:0\n'])
      expect((await subscribed({ before: 5, head })).client.texts).toHaveLength(6);
    expect((await subscribed({ before: 5, head: 'host:x\nherald-batch:30000\n' })).client.texts).toHaveLength(
      2,
    );
  });

  it('shares no text with another where an old client would acknowledge the wrong one', async () => {
    const world = new StompWorld(running());
    const textsOf = async (versions: string, ack: string) => {
      const user = newUser();
      for (const n of upTo(5)) await world.publish(user, n);
      const client = await world.open();
      await client?.say(`CONNECT\naccept-version:${versions}\ntoken:of:${user}\nX-GD-UID:page\n\n\0`);
      await client?.subscribe('/user/queue/x', '1', `ack:${ack}\n`);
      await world.drive();
      return (client?.texts.length ?? 0) - 1;
    };
    expect(await textsOf('1.1,1.0', 'client')).toBe(5);
    expect(await textsOf('1.1,1.0', 'auto')).toBe(1);
    expect(await textsOf('1.2,1.1,1.0', 'client')).toBe(1);
  });

  it('does not come to an anonymous device', async () => {
    const { world, user, client } = await subscribed({ before: 3, device: '' });
    await world.publish(user, 'live');
    expect(client.seqs).toEqual([4]);
  });

  it('counts what retention has removed on the first message after', async () => {
    const world = new StompWorld(running());
    const user = newUser();
    await world.publish(user, 'short', { retentionSeconds: 60 });
    await world.publish(user, 'short', { retentionSeconds: 60 });
    await world.publish(user, 'long');
    await world.publish(user, 'long');
    world.now += 61_000;
    const client = await world.connected(user);
    await client.subscribe('/user/queue/any');
    await world.drive();
    expect(client.messages.map(({ headers }) => [headers.seq, headers.expired])).toEqual([
      ['3', '2'],
      ['4', undefined],
    ]);
  });
});

describe('a live message', () => {
  it('is sent by its publisher, who needs the lease taken and given back and nothing else', async () => {
    const { world, user, client } = await subscribed({ device: '' });
    await world.publish(user, 1);
    const before = world.calls.length;
    await world.publish(user, 2);
    const calls = world.calls.slice(before);
    expect(client.seqs).toEqual([1, 2]);
    expect(calls.filter((call) => call === 'UpdateItem')).toHaveLength(2);
    expect(await world.publish(user, 3)).toMatchObject({ connections: 1, sent: 1 });
  });

  it('is left to the pump where an earlier one was not sent yet', async () => {
    const { world, user, client } = await subscribed();
    client.refusals = throttled(12);
    await world.publish(user, 1);
    expect(await world.publish(user, 2)).toMatchObject({ sent: 0, deferred: 1 });
    expect(client.seqs).toEqual([]);
    client.refusals = [];
    await world.drive();
    expect(client.seqs).toEqual([1, 2]);
  });

  it('is left to whoever is at work, who does not end before it is sent', async () => {
    const { world, user, client } = await subscribed();
    client.beforePost = async () => {
      client.beforePost = () => {};
      expect(await world.publish(user, 2)).toMatchObject({ sent: 0, deferred: 1 });
    };
    await world.publish(user, 1);
    expect(client.seqs).toEqual([1]);
    await world.drive();
    expect(client.seqs).toEqual([1, 2]);
  });

  it('comes once and in order, however many publish at once', async () => {
    const { world, user, client } = await subscribed();
    await Promise.all(upTo(20).map((n) => world.publish(user, n)));
    await world.drive();
    expect(client.seqs).toEqual(upTo(20));
  });

  it('comes to each subscription of its channel once', async () => {
    const { world, user, client } = await subscribed();
    await client.subscribe('/user/topic/other', 'sub-1');
    await world.drive();
    await world.publish(user, 1);
    await world.drive();
    const to = client.messages.map(({ headers }) => headers.subscription);
    expect(to.sort()).toEqual(['sub-0', 'sub-1']);
    await client.say('UNSUBSCRIBE\nid:sub-0\n\n\0');
    await world.publish(user, 2);
    await world.drive();
    expect(client.messages.slice(2).map(({ headers }) => headers.destination)).toEqual(['/user/topic/other']);
  });

  it('of a topic or of everyone comes to who subscribed', async () => {
    const world = new StompWorld(running(), { everyone: true });
    const client = await world.connected(newUser());
    await client.subscribe('/topic/open', 'a');
    await client.subscribe('/topic/everyone', 'b');
    await world.drive();
    await world.publish(topicChannel('open'), 1);
    await world.publish(EVERYONE, 2);
    expect(client.messages.map(({ headers, body }) => [headers.destination, body])).toEqual([
      ['/topic/open', '1'],
      ['/topic/everyone', '2'],
    ]);
  });

  it('does not come to the device that caused it, and what follows does', async () => {
    const { world, user, client } = await subscribed();
    const origin = { ...NO_ORIGIN, deviceId: 'page' };
    expect(await world.publish(user, 'own', { origin })).toMatchObject({ excluded: 1 });
    await world.publish(user, 'of another');
    await world.drive();
    expect(client.messages.map(({ body }) => body)).toEqual(['"of another"']);
  });
});

describe('a client that refuses', () => {
  it('is tried again until it takes what it missed', async () => {
    const { world, user, client } = await subscribed();
    client.refusals = throttled(40);
    await world.publish(user, 1);
    await world.publish(user, 2);
    await world.drive();
    expect(client.isOpen).toBe(true);
    expect(client.seqs).toEqual([1, 2]);
  });

  it('is closed when it has refused for a minute', async () => {
    const { world, user, client } = await subscribed();
    client.refusals = throttled(100_000);
    await world.publish(user, 1);
    const begun = world.now;
    for (let turns = 0; turns < 60 && (await world.rowOf(client.connectionId)); turns++) await world.drive();
    expect(world.now - begun).toBeGreaterThanOrEqual(60_000);
    expect(client.isOpen).toBe(false);
  });

  it('is closed after a post that may have arrived: no message is sent twice', async () => {
    const { world, user, client } = await subscribed();
    world.now += 61_000;
    client.refusals = ['failed'];
    await world.publish(user, 1);
    await world.drive();
    expect(client.seqs).toEqual([]);
    expect(client.error).toBe('internal');
    expect(client.isOpen).toBe(false);
  });

  it('is forgotten when it is gone', async () => {
    const { world, user, client } = await subscribed();
    world.now += 61_000;
    client.close();
    expect(await world.publish(user, 1)).toMatchObject({ gone: 1 });
    expect(await world.rowOf(client.connectionId)).toBeUndefined();
    expect(await world.app.connections.list(user)).toEqual([]);
  });
});

describe('the lease', () => {
  /** A publisher that dies after its post, with the lease. */
  async function died() {
    const { world, user, client } = await subscribed();
    const endPump = world.app.sockets.endPump;
    world.app.sockets.endPump = () => Promise.reject(new Error('died'));
    await world.publish(user, 1);
    world.app.sockets.endPump = endPump;
    return { world, user, client };
  }

  it('of one that died is waited for, and then the client is sent to begin anew', async () => {
    const { world, user, client } = await died();
    expect(await world.publish(user, 2)).toMatchObject({ sent: 0, deferred: 1 });
    await pump(world.app, client.connectionId, Number.POSITIVE_INFINITY);
    expect(client.seqs).toEqual([1]);
    world.now += LEASE_MS + 1;
    await world.drive();
    expect(client.error).toBe('internal');
    const again = await world.connected(user);
    await again.subscribe('/user/queue/any');
    await world.drive();
    // The cursor had moved before it died.
    expect(again.seqs).toEqual([2]);
  });

  it('lasts longer than a post that has begun: none begins near its end', async () => {
    const world = new StompWorld(running());
    const user = newUser();
    for (const n of upTo(4)) await world.publish(user, n);
    const client = await world.connected(user, 'page', 'host:x\n');
    await client.subscribe('/user/queue/any');
    const begunAt: number[] = [];
    client.beforePost = () => {
      begunAt.push(world.now);
      world.now += 5_000;
    };
    const leasedAt = world.now;
    await pump(world.app, client.connectionId, Number.POSITIVE_INFINITY);
    // Each takes as long as a post may: the fourth could end when another pump has begun.
    expect(begunAt).toEqual([leasedAt, leasedAt + 5_000, leasedAt + 10_000]);
    await world.drive();
    expect(client.seqs).toEqual(upTo(4));
  });

  it('goes on in another Lambda where the time of one runs out', async () => {
    const world = new StompWorld(running());
    const user = newUser();
    for (const n of upTo(4)) await world.publish(user, n);
    const client = await world.connected(user, 'page', 'host:x\n');
    client.beforePost = () => {
      world.now += 1000;
    };
    await client.subscribe('/user/queue/any');
    await pump(world.app, client.connectionId, world.now + 1500);
    expect(client.seqs).toEqual([1, 2]);
    await world.drive();
    expect(client.seqs).toEqual(upTo(4));
  });
});

describe('what is acknowledged', () => {
  const idsOf = (client: StompClient) => client.messages.map(({ headers }) => headers.ack ?? '');

  it('by `client` is all up to a message, once per subscription mode', async () => {
    const { world, user, client } = await subscribed({ before: 4, ack: 'client' });
    expect(await world.cursor(user)).toBe(0);
    await client.say(`ACK\nid:${idsOf(client)[2]}\n\n\0`);
    expect(await world.cursor(user)).toBe(3);
    await client.say(`ACK\nmessage-id:${idsOf(client)[0]}\n\n\0`);
    expect(await world.cursor(user)).toBe(3);
  });

  it('by `client-individual` moves the cursor over what is contiguous, in any order', async () => {
    const { world, user, client } = await subscribed({ before: 4, ack: 'client-individual' });
    const [first, second, third] = idsOf(client);
    await client.say(`ACK\nid:${third}\n\n\0`);
    await client.say(`ACK\nid:${second}\n\n\0`);
    expect(await world.cursor(user)).toBe(0);
    await client.say(`ACK\nid:${first}\n\n\0`);
    expect(await world.cursor(user)).toBe(3);
  });

  it('is never more than was sent: a window is left open until half of it is', async () => {
    const { world, client } = await subscribed({ ack: 'client', before: WINDOW + 5 });
    expect(client.seqs).toEqual(upTo(WINDOW));
    await client.say(`ACK\nid:${idsOf(client)[9]}\n\n\0`);
    await world.drive();
    expect(client.seqs).toHaveLength(WINDOW);
    await client.say(`ACK\nid:${idsOf(client)[WINDOW - 100]}\n\n\0`);
    await world.drive();
    expect(client.seqs).toEqual(upTo(WINDOW + 5));
  });

  it.each(['undefined', 'nonsense', '', '1.another-epoch'])('is nothing for %j', async (id) => {
    const { world, user, client } = await subscribed({ before: 2, ack: 'client' });
    await client.say(`ACK\nid:${id}\nreceipt:r\n\n\0`);
    expect(client.receipts).toEqual(['r']);
    expect(await world.cursor(user)).toBe(0);
  });
});

describe('a heart-beat', () => {
  it('finds what nobody could announce', async () => {
    const { world, user, client } = await subscribed();
    const { announce } = world.app.subscriptions;
    const { takePump } = world.app.sockets;
    world.app.sockets.takePump = async () => undefined;
    world.app.subscriptions.announce = () => Promise.reject(new Error('not now'));
    await world.publish(user, 1);
    Object.assign(world.app.subscriptions, { announce });
    Object.assign(world.app.sockets, { takePump });
    expect(client.seqs).toEqual([]);
    await client.say('\n');
    await world.drive();
    expect(client.seqs).toEqual([1]);
  });

  it('announces nothing where nothing is missing', async () => {
    const { world, user, client } = await subscribed();
    await world.publish(user, 1);
    await client.say('\n');
    expect((await world.rowOf(client.connectionId))?.replayRequestId).toBeUndefined();
    expect(client.seqs).toEqual([1]);
  });
});
