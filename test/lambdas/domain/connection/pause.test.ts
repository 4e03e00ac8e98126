/** A connection that takes no frames is its own trouble: it is passed by, tried again, and closed in the end. */
import { describe, expect, it } from 'vitest';
import { handleFrame } from '../../../../lambdas/domain/session/commands.ts';
import { NO_PERMISSIONS } from '../../../../lambdas/protocol/permissions.ts';
import { type Socket, World } from '../../../support/world.ts';

/** It takes nothing from now on. */
const fill = (socket: Socket): void => {
  socket.refusals = Array(10_000).fill('throttled');
};

const connectionOf = async (world: World) => {
  const [connection] = await world.connectionsOf('alice');
  if (!connection) throw new Error('no connection');
  return connection;
};

describe('a connection that refuses a frame', () => {
  it('is asked to be tried again once, however many messages pass it by, and is not posted to', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    fill(phone);
    await world.publish('alice', 1);
    const left = phone.refusals.length;
    for (let count = 2; count <= 20; count++) {
      expect(await world.publish('alice', count)).toMatchObject({ sent: 0, deferred: 1 });
    }
    expect(phone.refusals).toHaveLength(left);
    expect(world.queued).toHaveLength(1);
    expect(world.requests).toEqual([]);
  });

  it('gets all that passed it by, in order, once it reads again, and then live messages', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    fill(phone);
    for (const data of ['a', 'b', 'c']) await world.publish('alice', data);
    phone.refusals = [];
    await world.drive();
    expect(phone.messages.map(({ data }) => data)).toEqual(['a', 'b', 'c']);
    expect(await world.publish('alice', 'd')).toMatchObject({ sent: 1 });
    expect(world.queued).toEqual([]);
  });

  it('gets what was published while it was just being resumed', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    fill(phone);
    await world.publish('alice', 'a');
    phone.refusals = [];
    const { resume } = world.app.subscriptions;
    world.app.subscriptions.resume = async (...of) => {
      // It finds the connection paused still.
      await world.publish('alice', 'b');
      return await resume(...of);
    };
    await world.drive();
    expect(phone.messages.map(({ data }) => data)).toEqual(['a', 'b']);
  });

  it('that is anonymous gets all from the smallest seq that passed it by', async () => {
    const world = new World();
    const anonymous = await world.device('alice');
    await world.publish('alice', 'before');
    fill(anonymous);
    for (const data of ['a', 'b']) await world.publish('alice', data);
    anonymous.refusals = [];
    await world.drive();
    expect(anonymous.messages.map(({ data }) => data)).toEqual(['before', 'a', 'b']);
  });

  it('is closed after 15 s while others take frames, told to come back, and forgotten', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    const bob = await world.device('bob', 'phone');
    fill(phone);
    await world.publish('alice', 'a');
    const before = world.now;
    phone.beforePost = () => {
      world.app.acceptances.add('bob', world.now);
    };
    await world.drive();
    expect(world.now - before).toBeGreaterThanOrEqual(15_000);
    expect(world.now - before).toBeLessThan(30_000);
    expect(phone.state).toBe('closed');
    expect(await world.connectionsOf('alice')).toEqual([]);
    expect(bob.state).toBe('open');
  });

  it('has longer when nobody else is known to take frames: the account may be throttled', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    fill(phone);
    await world.publish('alice', 'a');
    const before = world.now;
    await world.drive();
    expect(world.now - before).toBeGreaterThanOrEqual(60_000);
    expect(await world.connectionsOf('alice')).toEqual([]);
  });

  it('before it was ready is tried again and closed like any other', async () => {
    const world = new World();
    const phone = await world.open('alice', 'phone');
    fill(phone);
    await world.drive();
    expect(await world.connectionsOf('alice')).toEqual([]);
  });

  it('whose retry is lost is closed by the next publisher that finds it so', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    fill(phone);
    await world.publish('alice', 'a');
    world.queued.length = 0;
    world.now += 121_000;
    await world.publish('alice', 'b');
    await world.drive();
    expect(await world.connectionsOf('alice')).toEqual([]);
  });

  it('is tried again by the stream when the queue cannot be asked', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    world.app.later.reconcile = async () => Promise.reject(new Error('SQS does not answer'));
    fill(phone);
    await world.publish('alice', 'a');
    expect(world.requests).toHaveLength(1);
  });

  it('is told to sync later, not replayed to meanwhile', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    fill(phone);
    await world.publish('alice', 'a');
    const sync = handleFrame(
      world.app,
      await connectionOf(world),
      { action: 'sync', after: 0 },
      { permissions: NO_PERMISSIONS, deadlineAt: 1e15, receivedAt: world.now },
    );
    await expect(sync).rejects.toMatchObject({ code: 'rate_limited', retryAfterMs: 1000 });
  });
});
