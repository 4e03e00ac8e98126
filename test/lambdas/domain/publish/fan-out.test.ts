import { describe, expect, it } from 'vitest';
import { EVERYONE, topicChannel } from '../../../../lambdas/domain/model.ts';
import { ALL_SUBSCRIBERS } from '../../../../lambdas/domain/ports/subscription-store.ts';
import { serveRange } from '../../../../lambdas/domain/publish/fan-out.ts';
import { createPace } from '../../../../lambdas/domain/publish/pace.ts';
import { leftOver, rangesFor } from '../../../../lambdas/domain/publish/ranges.ts';
import { LAMBDAS } from '../../../../lambdas/manifest.ts';
import { refusing, type Socket, World } from '../../../support/world.ts';

const NOW_AND_ALWAYS = { deadlineAt: Number.POSITIVE_INFINITY, perSecond: 5000 };

/** Users with one device each, all of whom hear the channel `everyone`. */
async function crowd(count: number, settings: { fanOutPage: number }) {
  const world = new World({ settings: { everyone: true, ...settings } });
  const sockets: Socket[] = [];
  for (let index = 0; index < count; index++)
    sockets.push(await world.device(`user-${index}`, 'phone', { ackMode: 'client' }));
  return { world, sockets };
}

const heardOnce = (socket: Socket) => socket.live.map(({ data }) => data);

describe('a broadcast', () => {
  it('to no more than a page is served before it is answered', async () => {
    const { world, sockets } = await crowd(8, { fanOutPage: 8 });
    expect(await world.publish(EVERYONE, 'a')).toMatchObject({ connections: 8, sent: 8, queued: 0 });
    expect(world.tasks).toEqual([]);
    for (const socket of sockets) expect(heardOnce(socket)).toEqual(['a']);
  });

  it('to more is served in ranges, each connection once', async () => {
    const { world, sockets } = await crowd(60, { fanOutPage: 8 });
    const { connections, queued } = await world.publish(EVERYONE, 'a');
    expect(connections).toBe(8);
    expect(queued).toBeGreaterThan(0);
    await world.drive();
    for (const socket of sockets) expect(heardOnce(socket)).toEqual(['a']);
  });

  it('goes on in another task where its time runs out', async () => {
    const { world, sockets } = await crowd(300, { fanOutPage: 4 });
    await world.publish(EVERYONE, 'a');
    let tasks = 0;
    for (let task = world.tasks.shift(); task; task = world.tasks.shift()) {
      tasks += 1;
      await serveRange(world.app, task, { deadlineAt: world.now, perSecond: 5000 });
    }
    expect(tasks).toBeGreaterThan(1);
    for (const socket of sockets) expect(heardOnce(socket)).toEqual(['a']);
  });

  it('that has expired when its range is served is not posted', async () => {
    const { world, sockets } = await crowd(20, { fanOutPage: 4 });
    await world.publish(EVERYONE, 'a', { retentionSeconds: 60 });
    world.now += 61_000;
    for (let task = world.tasks.shift(); task; task = world.tasks.shift())
      await serveRange(world.app, task, NOW_AND_ALWAYS);
    expect(sockets.filter((socket) => heardOnce(socket).length > 0)).toHaveLength(4);
  });

  it('of another numbering is not posted', async () => {
    const { world, sockets } = await crowd(1, { fanOutPage: 1 });
    await world.publish(EVERYONE, 'a');
    const place = { channel: EVERYONE, epoch: 'another', seq: 1 };
    const task = { ...ALL_SUBSCRIBERS, ...place, publishedAt: world.now, traced: false };
    await serveRange(world.app, task, NOW_AND_ALWAYS);
    expect(sockets.map(heardOnce)).toEqual([['a']]);
  });

  it('reports its posts also where it fails on the way', async () => {
    const { world } = await crowd(300, { fanOutPage: 4 });
    await world.publish(EVERYONE, 'a');
    const [task] = world.tasks;
    if (!task) throw new Error('nothing was queued');
    const { page } = world.app.subscriptions;
    let pages = 0;
    world.app.subscriptions.page = async (...range) => {
      if (++pages === 2) throw new Error('the store failed');
      return await page(...range);
    };
    world.logger.totals.clear();
    const served = serveRange(world.app, { ...task, ...ALL_SUBSCRIBERS }, NOW_AND_ALWAYS);
    await expect(served).rejects.toThrow('the store failed');
    expect(world.logger.totals.has('postMs')).toBe(true);
  });

  it('pauses whoever takes no frames, and serves the others', async () => {
    const { world, sockets } = await crowd(12, { fanOutPage: 4 });
    const [slow] = sockets;
    if (slow) slow.refusals = refusing('throttled');
    await world.publish(EVERYONE, 'a');
    await world.drive();
    for (const socket of sockets) expect(socket.messages.map(({ data }) => data)).toEqual(['a']);
  });

  it('forgets connections that are gone, their subscriptions too', async () => {
    const { world, sockets } = await crowd(3, { fanOutPage: 8 });
    const [gone] = sockets;
    if (gone) gone.state = 'closed';
    world.now += 61_000;
    expect(await world.publish(EVERYONE, 'a')).toMatchObject({ connections: 3, gone: 1 });
    expect(await world.publish(EVERYONE, 'b')).toMatchObject({ connections: 2 });
  });
});

describe('a topic whose page was full', () => {
  it('says about how many are left, from the order of the hashes', () => {
    const subscriptions = Array.from({ length: 100 }, () => ({}) as never);
    expect(leftOver({ subscriptions, next: undefined })).toEqual({ estimate: 0, ranges: [] });
    const quarter = leftOver({ subscriptions, next: '3fffffff#id ' });
    expect(quarter.estimate).toBe(300);
    expect(quarter.ranges).toEqual([{ from: '3fffffff#id ', to: ALL_SUBSCRIBERS.to }]);
    const { estimate, ranges } = leftOver({ subscriptions, next: '0000ffff#id ' });
    expect(estimate).toBe(6_553_500);
    expect(ranges).toHaveLength(1000);
    for (const [index, { to }] of ranges.slice(0, -1).entries()) expect(ranges[index + 1]?.from).toBe(to);
    expect(ranges.at(-1)?.to).toBe(ALL_SUBSCRIBERS.to);
  });

  it('is cut so that all workers have a range, unless that would hold next to nothing', () => {
    const { maxConcurrency } = LAMBDAS['fan-out'].queues[0];
    expect([1, 400, 600, 2560, 20_000].map(rangesFor)).toEqual([1, 1, 2, maxConcurrency, maxConcurrency]);
    expect([30_000, 1_000_000, 10_000_000].map(rangesFor)).toEqual([15, 500, 1000]);
  });
});

describe('the pace of a worker', () => {
  it('spreads posts over time, slows down while they are refused, and recovers', async () => {
    let now = 0;
    const sleep = async (milliseconds: number) => {
      now += milliseconds;
    };
    const clock = { now: () => now, sleep };
    const pace = createPace(clock, 100);
    const spent = async (posts: number) => {
      const before = now;
      for (let post = 0; post < posts; post++) await pace.turn();
      return now - before;
    };
    expect(await spent(101)).toBeCloseTo(1000, -1);
    for (let refusal = 0; refusal < 3; refusal++) pace.refused();
    expect(await spent(10)).toBeGreaterThan(600);
    for (let accepted = 0; accepted < 50; accepted++) pace.accepted();
    expect(await spent(11)).toBeLessThan(200);
  });
});

describe('a message with an origin', () => {
  it('is not told to the device that caused it, of its user alone, and moves that cursor', async () => {
    const world = new World({ settings: { everyone: true } });
    const mine = await world.device('alice', 'phone');
    const hers = await world.device('bob', 'phone');
    const origin = { userId: 'alice', deviceId: 'phone', tab: undefined };
    expect(await world.publish(EVERYONE, 'a', { origin })).toMatchObject({ sent: 1, excluded: 1 });
    expect(heardOnce(mine)).toEqual([]);
    expect(heardOnce(hers)).toEqual(['a']);
    expect(await world.cursorIn(EVERYONE, 'alice', 'phone')).toBe(1);
  });

  it('is told to the tab’s device with the name of the tab, live and in a replay', async () => {
    const world = new World({ settings: { everyone: true } });
    const phone = await world.device('alice', 'phone', { ackMode: 'client' });
    const other = await world.device('bob', 'phone', { ackMode: 'client' });
    const origin = { userId: 'alice', deviceId: 'phone', tab: '7f3a' };
    await world.publish(EVERYONE, 'a', { origin });
    expect(phone.live).toMatchObject([{ origin: '7f3a' }]);
    expect(other.live.every((frame) => !('origin' in frame))).toBe(true);
    const back = await world.device('alice', 'phone', { ackMode: 'client' });
    expect(back.messages).toMatchObject([{ data: 'a', origin: '7f3a' }]);
  });
});

describe('a topic', () => {
  it('that nobody hears keeps its messages', async () => {
    const world = new World();
    expect(await world.publish(topicChannel('quiet'), 'a')).toMatchObject({
      seq: 1,
      connections: 0,
      queued: 0,
    });
  });
});
