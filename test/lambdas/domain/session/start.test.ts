/** A new connection is started once: by its client's first `sync`, or by the stream. */
import { describe, expect, it } from 'vitest';
import type { ReconcileRequest } from '../../../../lambdas/domain/ports/later.ts';
import { receive } from '../../../../lambdas/domain/session/receive.ts';
import { reconcile } from '../../../../lambdas/domain/session/reconcile.ts';
import type { SyncFrame } from '../../../../lambdas/protocol/client-frame.ts';
import { NO_PERMISSIONS } from '../../../../lambdas/protocol/permissions.ts';
import { type Socket, World } from '../../../support/world.ts';

/** A device of alice that has acknowledged nothing, and missed three messages. */
async function missing(): Promise<World> {
  const world = new World();
  const phone = await world.device('alice', 'phone');
  phone.state = 'closed';
  for (const connection of await world.connectionsOf('alice')) await world.app.connections.remove(connection);
  for (const data of ['a', 'b', 'c']) await world.publish('alice', data);
  return world;
}

const openPhone = (world: World, options = {}): Promise<Socket> =>
  world.open('alice', 'phone', { ackMode: 'client', ...options });

/** The phone has acknowledged the three messages. */
async function acknowledgeAll(world: World): Promise<void> {
  const head = await world.rows.head('user:alice');
  await world.app.devices.advance(
    { userId: 'alice', deviceId: 'phone' },
    'user:alice',
    { to: { epoch: head?.epoch ?? '', seq: 3 } },
    { lastSeenAt: world.now, expiresAt: world.now + 1e9 },
  );
}

/** `receivedAt`: before `ready` is, unless it says otherwise. */
async function say(world: World, frame: Partial<SyncFrame> = {}, receivedAt = world.now): Promise<void> {
  const [connection] = await world.connectionsOf('alice');
  if (!connection) throw new Error('no connection');
  const means = { deadlineAt: Number.POSITIVE_INFINITY, receivedAt };
  await receive(
    world.app,
    { ...connection, permissions: NO_PERMISSIONS },
    [{ action: 'sync', ...frame }],
    means,
  );
}

const events = ({ frames }: Socket) => frames.map(({ event }) => event);
const seqs = ({ messages }: Socket) => messages.map(({ seq }) => seq);

describe('a sync on open', () => {
  it('brings ready and the replay, and the stream finds nothing left', async () => {
    const world = await missing();
    const phone = await openPhone(world);
    await say(world);
    expect(events(phone)).toEqual(['ready', 'replay']);
    await world.drive();
    expect(events(phone)).toEqual(['ready', 'replay']);
    expect(seqs(phone)).toEqual([1, 2, 3]);
  });

  it('says where the replay begins', async () => {
    const world = await missing();
    const phone = await openPhone(world);
    await say(world, { after: 2 });
    expect(phone.frames[0]).toMatchObject({ event: 'ready', cursor: 0, head: 3 });
    expect(seqs(phone)).toEqual([3]);
  });

  it('in mode auto begins at the cursor, or it would stay behind', async () => {
    const world = await missing();
    const phone = await openPhone(world, { ackMode: 'auto' });
    await say(world, { after: 2 });
    expect(seqs(phone)).toEqual([1, 2, 3]);
    expect(await world.cursor('alice', 'phone')).toBe(3);
  });

  it('opens the connection to live messages', async () => {
    const world = await missing();
    const phone = await openPhone(world);
    await say(world);
    expect(await world.publish('alice', 'live')).toMatchObject({ sent: 1 });
    expect(seqs(phone)).toEqual([1, 2, 3, 4]);
  });

  it('of another numbering is refused, and the stream starts the connection', async () => {
    const world = await missing();
    const phone = await openPhone(world);
    await say(world, { epoch: 'another' });
    expect(phone.frames).toMatchObject([{ event: 'error', code: 'epoch_mismatch' }]);
    await world.drive();
    expect(events(phone)).toEqual(['error', 'ready', 'replay']);
  });

  it('takes over from a hand-over’s older connection', async () => {
    const world = new World();
    const older = await world.device('alice', 'phone', { ackMode: 'client' });
    world.now += 10;
    const newer = await openPhone(world, { handover: true });
    const connection = (await world.connectionsOf('alice')).find(({ handover }) => handover);
    if (!connection) throw new Error('no connection');
    const means = { deadlineAt: Number.POSITIVE_INFINITY, receivedAt: world.now };
    await receive(world.app, { ...connection, permissions: NO_PERMISSIONS }, [{ action: 'sync' }], means);
    await world.drive();
    expect(events(newer)).toEqual(['ready', 'replay']);
    expect(older.frames.at(-1)).toMatchObject({ event: 'bye', code: 'replaced' });
  });
});

describe('a sync that comes when the stream has begun', () => {
  /** Says the frame in the middle of the start by the stream, before its first post. */
  async function race(world: World, frame: Partial<SyncFrame>): Promise<Socket> {
    const phone = await openPhone(world);
    let said: Promise<void> | undefined;
    phone.beforePost = () => {
      said ??= say(world, frame);
    };
    await world.drive();
    await said;
    await world.drive();
    return phone;
  }

  it('is answered by that start', async () => {
    const phone = await race(await missing(), { first: true });
    expect(events(phone)).toEqual(['ready', 'replay']);
  });

  it('has it bring more, where it asks for more', async () => {
    const world = await missing();
    await acknowledgeAll(world);
    const phone = await race(world, { after: 1 });
    expect(phone.frames.filter(({ event }) => event === 'ready')).toHaveLength(1);
    expect(seqs(phone)).toEqual([2, 3]);
  });

  it('and ended asks for nothing, if it was on its way by then or says that it is the first', async () => {
    const world = await missing();
    const phone = await openPhone(world);
    await world.drive();
    await say(world, {}, world.now - 1);
    await say(world, { first: true }, world.now + 50);
    expect(events(phone)).toEqual(['ready', 'replay']);
    await say(world, {}, world.now + 50);
    expect(events(phone)).toEqual(['ready', 'replay', 'replay']);
  });
});

describe('a start that fails', () => {
  it('by a fault of the stores is left to the stream', async () => {
    const world = await missing();
    const phone = await openPhone(world);
    world.requests.length = 0;
    const { topicsOf } = world.app.members;
    world.app.members.topicsOf = async () => {
      world.app.members.topicsOf = topicsOf;
      throw new Error('store down');
    };
    await say(world);
    expect(phone.frames).toEqual([]);
    await world.drive();
    expect(events(phone)).toEqual(['ready', 'replay']);
  });

  it('by a fault of the stores, of a request from the queue, keeps nobody waiting', async () => {
    const world = await missing();
    const phone = await openPhone(world);
    const { startId: _, ...queued } = world.requests.shift() as ReconcileRequest;
    const { topicsOf } = world.app.members;
    world.app.members.topicsOf = async () => {
      world.app.members.topicsOf = topicsOf;
      throw new Error('store down');
    };
    await expect(reconcile(world.app, queued, Number.POSITIVE_INFINITY)).rejects.toThrow('store down');
    const before = world.now;
    await reconcile(world.app, queued, Number.POSITIVE_INFINITY);
    await world.drive();
    expect(events(phone)).toEqual(['ready', 'replay']);
    expect(world.now).toBe(before);
  });

  it('by a lost answer of the store, which had given it the lease, keeps nobody waiting', async () => {
    const world = await missing();
    const phone = await openPhone(world);
    world.requests.length = 0;
    const { beginStart } = world.app.connections;
    world.app.connections.beginStart = async (...args) => {
      world.app.connections.beginStart = beginStart;
      await beginStart(...args);
      throw new Error('answer lost');
    };
    const before = world.now;
    await say(world);
    await world.drive();
    expect(events(phone)).toEqual(['ready', 'replay']);
    expect(world.now).toBe(before);
  });

  it('passes on what was wanted of it, and nothing from before', async () => {
    const world = await missing();
    await acknowledgeAll(world);
    const phone = await openPhone(world);
    const { topicsOf } = world.app.members;
    world.app.members.topicsOf = async () => {
      world.app.members.topicsOf = topicsOf;
      await say(world, { after: 2 });
      throw new Error('store down');
    };
    const request = world.requests.shift() as ReconcileRequest;
    await expect(reconcile(world.app, request, Number.POSITIVE_INFINITY)).rejects.toThrow('store down');
    await world.drive();
    expect(events(phone)).toEqual(['ready', 'replay']);
    expect(seqs(phone)).toEqual([3]);
  });

  it('since its Lambda died is looked after when its lease has lapsed', async () => {
    const world = await missing();
    const phone = await openPhone(world);
    const [connection] = await world.connectionsOf('alice');
    if (!connection) throw new Error('no connection');
    const lease = { holder: 'died', now: world.now, until: world.now + 30_000 };
    expect(await world.app.connections.beginStart(connection, lease)).toBe(true);
    const before = world.now;
    await world.drive();
    expect(world.now - before).toBe(31_000);
    expect(events(phone)).toEqual(['ready', 'replay']);
  });

  it('while it replays is gone on with', async () => {
    const world = await missing();
    const phone = await openPhone(world);
    const [connection] = await world.connectionsOf('alice');
    if (!connection) throw new Error('no connection');
    const until = world.now + 30_000;
    await world.app.connections.beginStart(connection, { holder: 'died', now: world.now, until });
    await world.app.connections.markStarted(connection, {
      ...{ by: 'died', readyAt: world.now, startsAt: undefined, after: 0 },
      until,
    });
    await world.drive();
    expect(events(phone)).toEqual(['replay']);
  });
});

describe('a connection that is being closed as a new device begins on it', () => {
  /** Marks the connection just before a row of the device is written. */
  async function revokedBefore(world: World, store: 'devices' | 'cursors', write: 'touch' | 'advance') {
    const stored = world.app[store] as Record<typeof write, (...args: never[]) => Promise<unknown>>;
    const written = stored[write];
    stored[write] = async (...args) => {
      for (const connection of await world.connectionsOf('alice'))
        await world.app.connections.markClosing(connection, 'revoked', 'request');
      return await written(...args);
    };
  }

  it('is told nothing but the end, and nothing is kept of the device', async () => {
    const world = await missing();
    const tablet = await world.open('alice', 'tablet');
    await revokedBefore(world, 'devices', 'touch');
    await world.drive();
    expect(events(tablet)).toEqual(['bye']);
    expect(await world.cursor('alice', 'tablet')).toBeUndefined();
  });

  it('is told no place in a channel where none is kept', async () => {
    const world = new World({ settings: { everyone: true } });
    const tablet = await world.open('alice', 'tablet');
    await revokedBefore(world, 'cursors', 'advance');
    await world.drive();
    expect(tablet.frames[0]).toMatchObject({ event: 'ready', subscriptions: [] });
    expect(events(tablet).at(-1)).toBe('bye');
  });
});
