import { describe, expect, it } from 'vitest';
import { withdraw, withdrawById } from '../../../../lambdas/domain/inbox/withdraw.ts';
import { topicChannel, userChannel } from '../../../../lambdas/domain/model.ts';
import { history } from '../../../../lambdas/domain/operate.ts';
import type { LogStore } from '../../../../lambdas/domain/ports/log-store.ts';
import { createMemoryLogStore } from '../../../support/memory-log-store.ts';
import { rowsWith, World } from '../../../support/world.ts';

const ALICE = userChannel('alice');
const HOUR_MS = 3_600_000;

const shownIn = async (world: World) =>
  (await history(world.app, ALICE, 0, 100)).messages.map(({ data }) => JSON.parse(data));

describe('a withdrawal', () => {
  it('is told every connection of the user at once, and has a seq of its own', async () => {
    const world = new World();
    const [phone, anonymous] = [await world.device('alice', 'phone'), await world.device('alice')];
    await world.publish('alice', 'wrong');
    expect(await withdraw(world.app, ALICE, 1)).toEqual([1]);
    const told = { event: 'withdrawn', channel: 'user:alice', seq: 2, seqs: [1] };
    for (const socket of [phone, anonymous]) expect(socket.frames.at(-1)).toEqual(told);
    expect(await world.cursor('alice', 'phone')).toBe(2);
    expect(await world.publish('alice', 'right')).toMatchObject({ seq: 3 });
    expect(await shownIn(world)).toEqual(['right']);
  });

  it('leaves nothing of the content in the row', async () => {
    const world = new World();
    const origin = { userId: undefined, deviceId: 'laptop', tab: '7f3a' };
    await world.publish('alice', 'secret', { origin, collapseKey: 'secret-key' });
    await withdraw(world.app, ALICE, 1);
    const { messages } = await world.rows.query('user:alice', 0, 1);
    expect(messages).toMatchObject([{ seq: 1, type: 'test', data: 'null', withdrawnBy: 2 }]);
    expect(JSON.stringify(messages)).not.toMatch(/secret|laptop|7f3a/);
  });

  it('is told a device that was away by its replay, which passes over both', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    await world.publish('alice', 'seen');
    phone.state = 'closed';
    await world.publish('alice', 'wrong');
    await withdraw(world.app, ALICE, 1);
    await withdraw(world.app, ALICE, 2);
    await world.publish('alice', 'right');
    const back = await world.device('alice', 'phone');
    expect(back.replays).toMatchObject([
      { messages: [{ seq: 5, data: 'right' }], after: 1, through: 5, expired: 1, withdrawn: [1, 2] },
    ]);
    expect(await world.cursor('alice', 'phone')).toBe(5);
  });

  it('happens once, and is told again when it is asked for again', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    await world.publish('alice', 'wrong');
    expect(await withdraw(world.app, ALICE, 1)).toEqual([1]);
    expect(await withdraw(world.app, ALICE, 1)).toEqual([]);
    expect(phone.frames.slice(-2)).toEqual([
      { event: 'withdrawn', channel: 'user:alice', seq: 2, seqs: [1] },
      { event: 'withdrawn', channel: 'user:alice', seq: 2, seqs: [1] },
    ]);
    expect(await world.app.log.head(ALICE)).toMatchObject({ seq: 2 });
  });

  it('by ten at once happens once', async () => {
    const world = new World();
    await world.publish('alice', 'wrong');
    const answers = await Promise.all(Array.from({ length: 10 }, () => withdraw(world.app, ALICE, 1)));
    expect(answers.flat()).toEqual([1]);
    expect(await world.app.log.head(ALICE)).toMatchObject({ seq: 2 });
  });

  it.each([
    ['has that seq yet', 9],
    ['but a withdrawal has that seq', 2],
  ])('is unknown where nothing %s', async (_, seq) => {
    const world = new World();
    await world.publish('alice', 'wrong');
    await withdraw(world.app, ALICE, 1);
    expect(await withdraw(world.app, ALICE, seq)).toBeUndefined();
    expect(await world.app.log.head(ALICE)).toMatchObject({ seq: 2 });
  });

  it('is unknown for a user nobody knows, who stays unknown, and for what has expired', async () => {
    const world = new World();
    expect(await withdraw(world.app, ALICE, 1)).toBeUndefined();
    expect(await world.app.log.head(ALICE)).toBeUndefined();
    await world.publish('alice', 'short', { retentionSeconds: 60 });
    world.now += 61_000;
    expect(await withdraw(world.app, ALICE, 1)).toBeUndefined();
  });

  it('is kept as long as its message would have been, so that no device shows that for ever', async () => {
    const world = new World({ settings: { defaultRetentionSeconds: 3600 } });
    await world.publish('alice', 'long', { retentionSeconds: 24 * 3600 });
    await world.publish('alice', 'short', { retentionSeconds: 60 });
    await withdraw(world.app, ALICE, 1);
    await withdraw(world.app, ALICE, 2);
    const { messages } = await world.rows.query('user:alice', 2, 4);
    expect(messages.map(({ expiresAt }) => expiresAt - world.now)).toEqual([24 * HOUR_MS, HOUR_MS]);
  });

  it('whose write has happened although it failed is found again', async () => {
    const rows = createMemoryLogStore();
    let faults = 0;
    const append: LogStore['append'] = async (request) => {
      const outcome = await rows.append(request);
      if (request.withdraws && faults++ < 1) throw new Error('the answer was lost');
      return outcome;
    };
    const world = new World({ rows: rowsWith(rows, { append }) });
    await world.publish('alice', 'wrong');
    expect(await withdraw(world.app, ALICE, 1)).toEqual([1]);
    expect(await world.app.log.head(ALICE)).toMatchObject({ seq: 2 });
  });

  it('of the newest message of a collapse key leaves the one before', async () => {
    const world = new World();
    await world.publish('alice', '1:0', { collapseKey: 'score' });
    await world.publish('alice', '2:0', { collapseKey: 'score' });
    await withdraw(world.app, ALICE, 2);
    const phone = await world.device('alice', 'phone');
    expect(phone.messages.map(({ data }) => data)).toEqual(['1:0']);
  });
});

describe('a withdrawal by id', () => {
  it('finds the message while its key is known', async () => {
    const world = new World();
    await world.publish('alice', 'other');
    await world.publish('alice', 'wrong', { id: 'order-1' });
    expect(await withdrawById(world.app, ALICE, 'order-1')).toEqual([2]);
    expect(await withdrawById(world.app, ALICE, 'order-1')).toEqual([]);
    world.now += 25 * HOUR_MS;
    expect(await withdrawById(world.app, ALICE, 'order-1')).toBeUndefined();
  });

  it.each(['order-2', '00000000-0000-7000-8000-000000000001'])('of %s is unknown', async (id) => {
    const world = new World();
    await world.publish('alice', 'not named by anybody');
    await world.publish('alice', 'wrong', { id: 'order-1' });
    expect(await withdrawById(world.app, ALICE, id)).toBeUndefined();
  });
});

describe('what is withdrawn', () => {
  it('is delivered to nobody when its publisher repeats the request', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    await world.publish('alice', 'wrong', { id: 'order-1' });
    await withdraw(world.app, ALICE, 1);
    phone.frames = [];
    expect(await world.publish('alice', 'wrong', { id: 'order-1' })).toMatchObject({
      seq: 1,
      duplicate: true,
      connections: 0,
    });
    expect(phone.frames).toEqual([]);
  });

  it('is delivered to nobody by a publisher whose append was withdrawn before it knew of it', async () => {
    const rows = createMemoryLogStore();
    let world: World;
    const append: LogStore['append'] = async (request) => {
      const outcome = await rows.append(request);
      if (request.message.type !== 'test') return outcome;
      await withdraw(world.app, userChannel('alice'), 1);
      throw new Error('the answer was lost');
    };
    const other = new World({ rows });
    world = other;
    const publisher = new World({ rows: rowsWith(rows, { append }), connections: other.app.connections });
    expect(await publisher.publish('alice', 'wrong')).toMatchObject({ seq: 1, connections: 0 });
  });

  it('is not brought by a fan-out that begins after it', async () => {
    const world = new World({ settings: { fanOutPage: 1, openTopics: ['news'] } });
    const news = topicChannel('news');
    const sockets = [await world.device('alice', 'a'), await world.device('bob', 'b')];
    for (const connection of [
      ...(await world.connectionsOf('alice')),
      ...(await world.connectionsOf('bob')),
    ]) {
      await world.app.subscriptions.add(connection, news, {
        maxChannels: 10,
        asMember: undefined,
        permitted: true,
        readyAt: world.now,
        startsAt: undefined,
        requestId: undefined,
      });
    }
    expect(await world.publish(news, 'wrong')).toMatchObject({ sent: 1 });
    expect(world.tasks.length).toBeGreaterThan(0);
    expect(await withdraw(world.app, news, 1)).toEqual([1]);
    await world.drive();
    expect(sockets.flatMap(({ live }) => live)).toHaveLength(1);
    for (const { frames } of sockets)
      expect(frames).toContainEqual({ event: 'withdrawn', channel: 'topic:news', seq: 2, seqs: [1] });
  });
});
