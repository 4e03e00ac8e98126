import { describe, expect, it } from 'vitest';
import { acknowledge } from '../../../../lambdas/domain/cursor.ts';
import { type Connection, EVERYONE } from '../../../../lambdas/domain/model.ts';
import type { ReconcileRequest } from '../../../../lambdas/domain/ports/later.ts';
import type { LogStore } from '../../../../lambdas/domain/ports/log-store.ts';
import { handleFrame } from '../../../../lambdas/domain/session/commands.ts';
import { reconcile } from '../../../../lambdas/domain/session/reconcile.ts';
import { NO_ORIGIN } from '../../../../lambdas/protocol/notification.ts';
import { NO_PERMISSIONS } from '../../../../lambdas/protocol/permissions.ts';
import { createMemoryLogStore, type MemoryLogStore } from '../../../support/memory-log-store.ts';
import { refusing, rowsWith, type Socket, World } from '../../../support/world.ts';

const CHANNEL = 'user:alice';
const NEVER = Number.POSITIVE_INFINITY;
const MEANS = { permissions: NO_PERMISSIONS, deadlineAt: NEVER, receivedAt: NEVER };
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const seqs = (socket: Socket) => socket.messages.map(({ seq }) => seq);

/** A known device of alice, offline at cursor 0. */
async function away(world: World, deviceId = 'phone'): Promise<void> {
  const socket = await world.device('alice', deviceId);
  await leave(world, socket);
}

async function leave(world: World, socket: Socket): Promise<void> {
  socket.state = 'closed';
  for (const connection of await world.connectionsOf('alice')) {
    if (world.sockets.get(connection.connectionId) === socket) await world.app.connections.remove(connection);
  }
}

async function publishAll(world: World, contents: unknown[], options = {}): Promise<void> {
  for (const data of contents) await world.publish('alice', data, options);
}

describe('ready', () => {
  it('waits for a handshake that is not over, for as long as the connection is young', async () => {
    const world = new World();
    const socket = await world.open('alice', 'phone');
    socket.state = 'opening';
    const opensAt = world.now + 20_000;
    socket.beforePost = () => {
      if (world.now >= opensAt) socket.state = 'open';
    };
    await world.drive();
    expect(socket.frames.map(({ event }) => event)).toEqual(['ready', 'replay']);
  });

  it('is given up, and the row with it, when the handshake never ends', async () => {
    const world = new World();
    const socket = await world.open('alice', 'phone');
    socket.state = 'opening';
    const before = world.now;
    await world.drive();
    expect(await world.connectionsOf('alice')).toEqual([]);
    expect(world.now - before).toBeLessThan(70_000);
  });

  it('is not sent again by a replay that is asked for later', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    phone.refusals = refusing('failed');
    await world.publish('alice', 'hello');
    await world.drive();
    expect(phone.frames.map(({ event }) => event)).toEqual(['ready', 'replay', 'replay']);
  });

  it('does nothing for a connection that has closed meanwhile', async () => {
    const world = new World();
    const socket = await world.open('alice', 'phone');
    await leave(world, socket);
    await world.drive();
    expect(socket.frames).toEqual([]);
  });
});

describe('a replay', () => {
  it('brings what was missed, in order, without the device’s own, and passes over those', async () => {
    const world = new World();
    await away(world);
    await world.publish('alice', 'a');
    await world.publish('alice', 'own', { origin: { ...NO_ORIGIN, deviceId: 'phone' } });
    await world.publish('alice', 'b');
    await world.publish('alice', 'own too', { origin: { ...NO_ORIGIN, deviceId: 'phone' } });
    const phone = await world.device('alice', 'phone');
    expect(seqs(phone)).toEqual([1, 3]);
    expect(phone.replays).toMatchObject([{ through: 4, expired: 0, more: false }]);
    expect(await world.cursor('alice', 'phone')).toBe(4);
  });

  it('sends nothing expired and says how many there were, deleted or not', async () => {
    const world = new World();
    await away(world);
    await publishAll(world, ['short', 'short too'], { retentionSeconds: 60 });
    await world.publish('alice', 'long');
    world.rows.drop(CHANNEL, 1);
    world.now += 61_000;
    const phone = await world.device('alice', 'phone');
    expect(seqs(phone)).toEqual([3]);
    expect(phone.replays).toMatchObject([{ through: 3, expired: 2, more: false }]);
  });

  it('of a large backlog goes on by itself in mode auto, every frame at most 32 KB', async () => {
    const world = new World();
    await away(world);
    await publishAll(
      world,
      range(1, 50).map(() => 'x'.repeat(20_000)),
    );
    const phone = await world.device('alice', 'phone');
    expect(seqs(phone)).toEqual(range(1, 50));
    expect(phone.replays.map(({ more }) => more)).toEqual([...Array(49).fill(true), false]);
    expect(await world.cursor('alice', 'phone')).toBe(50);
  });

  it('in mode client stops after 16 frames until it is asked to go on', async () => {
    const world = new World();
    await away(world);
    await publishAll(
      world,
      range(1, 20).map(() => 'x'.repeat(20_000)),
    );
    const phone = await world.device('alice', 'phone', { ackMode: 'client' });
    expect(seqs(phone)).toEqual(range(1, 16));
    expect(phone.replays.at(-1)).toMatchObject({ through: 16, more: true });
    expect(await world.cursor('alice', 'phone')).toBe(0);

    const [connection] = await world.connectionsOf('alice');
    if (!connection) throw new Error('no connection');
    await handleFrame(world.app, connection, { action: 'ack', acks: [{ seq: 16 }] }, MEANS);
    await handleFrame(world.app, connection, { action: 'sync' }, MEANS);
    expect(seqs(phone)).toEqual(range(1, 20));
    expect(phone.replays.at(-1)).toMatchObject({ through: 20, more: false });
  });

  it('that runs out of time goes on in another invocation', async () => {
    const world = new World();
    await away(world);
    await publishAll(
      world,
      range(1, 40).map(() => 'x'.repeat(20_000)),
    );
    const phone = await world.open('alice', 'phone');
    await world.drive(world.now);
    expect(seqs(phone)).toEqual(range(1, 40));
    expect(phone.frames.filter(({ event }) => event === 'ready')).toHaveLength(1);
  });

  it('stops at once when the token expires, with a bye', async () => {
    const world = new World();
    await away(world);
    await publishAll(
      world,
      range(1, 5).map(() => 'x'.repeat(20_000)),
    );
    const phone = await world.open('alice', 'phone', { tokenExpiresAt: world.now + 1000 });
    phone.beforePost = () => {
      if (phone.replays.length === 2) world.now += 1000;
    };
    await world.drive();
    expect(phone.replays.length).toBeLessThanOrEqual(3);
    expect(phone.frames.at(-1)).toMatchObject({ event: 'bye', code: 'token_expired' });
    expect(phone.state).toBe('closed');
  });

  it('stops between windows when the connection is revoked', async () => {
    const world = new World();
    await away(world);
    await publishAll(
      world,
      range(1, 40).map(() => 'x'.repeat(20_000)),
    );
    const phone = await world.open('alice', 'phone');
    const [connection] = await world.connectionsOf('alice');
    phone.beforePost = () => {
      if (connection) void world.app.connections.markClosing(connection, 'revoked', 'request');
    };
    await world.drive();
    expect(phone.replays).toHaveLength(16);
  });

  it('tries a frame again that is not taken, and again by the queue, when that stays so', async () => {
    const world = new World();
    await away(world);
    await world.publish('alice', 'a');
    const phone = await world.open('alice', 'phone');
    phone.refusals = ['throttled', 'failed'];
    await world.drive();
    expect(seqs(phone)).toEqual([1]);

    const again = await world.open('alice', 'laptop');
    again.refusals = refusing('failed');
    await world.drive();
    expect(again.frames[0]).toMatchObject({ event: 'ready' });
  });

  it('of everyone begins where `ready` said, wherever the device’s older connection has moved the cursor', async () => {
    const world = new World({ settings: { everyone: true } });
    await away(world);
    await world.publish(EVERYONE, 'hello');
    const phone = await world.open('alice', 'phone');
    await reconcile(world.app, world.requests.shift() as ReconcileRequest, NEVER);
    expect(phone.frames).toMatchObject([{ event: 'ready', subscriptions: [{ cursor: 0, head: 1 }] }, {}]);
    // A post to the older connection was under way.
    const [connection] = await world.connectionsOf('alice');
    const head = await world.app.log.open(EVERYONE);
    await acknowledge(world.app, { ...(connection as Connection), deviceId: 'phone' }, EVERYONE, head);
    await world.drive();
    expect(phone.messages).toMatchObject([{ seq: 1, data: 'hello' }]);
  });

  it('run twice does no harm', async () => {
    const world = new World();
    await away(world);
    await publishAll(world, ['a', 'b']);
    const phone = await world.open('alice', 'phone');
    const [request] = world.requests;
    await world.drive();
    if (request) world.requests.push(request);
    await world.drive();
    expect(seqs(phone)).toEqual([1, 2]);
    expect(phone.replays.at(-1)).toMatchObject({ messages: [], through: 2, more: false });
  });
});

describe('reading the log while messages are appended', () => {
  /** The query lacks these seqs, as when the transaction that adds them is only half visible. */
  const hiding = (memory: MemoryLogStore, hidden: number[], prove?: LogStore['prove']) =>
    rowsWith(memory, {
      query: async (...args) => {
        const page = await memory.query(...args);
        return { ...page, messages: page.messages.filter(({ seq }) => !hidden.includes(seq)) };
      },
      ...(prove && { prove }),
    });

  const worldWithThree = async (rows: MemoryLogStore): Promise<World> => {
    const world = new World({ rows });
    await away(world);
    await publishAll(world, ['a', 'b', 'c']);
    return world;
  };

  it('never takes a message for expired that is only not visible yet', async () => {
    const world = await worldWithThree(hiding(createMemoryLogStore(), [2, 3]));
    const phone = await world.device('alice', 'phone');
    expect(seqs(phone)).toEqual([1, 2, 3]);
    expect(phone.replays).toMatchObject([{ through: 3, expired: 0 }]);
  });

  it('stops before a seq in doubt, and the queue comes back for it', async () => {
    const memory = createMemoryLogStore();
    const hidden = [3];
    const world = await worldWithThree(
      hiding(memory, hidden, async (...args) =>
        hidden.length > 0 ? { outcome: 'in_doubt' } : await memory.prove(...args),
      ),
    );
    const phone = await world.open('alice', 'phone');
    const [request] = world.requests.splice(0);
    if (!request) throw new Error('no request');
    await reconcile(world.app, request, Number.POSITIVE_INFINITY);
    expect(seqs(phone)).toEqual([1, 2]);
    expect(phone.replays.at(-1)).toMatchObject({ through: 2, expired: 0, more: true });
    hidden.length = 0;
    await world.drive();
    expect(seqs(phone)).toEqual([1, 2, 3]);
  });

  it('needs no proof for what was appended long ago: a million expired cost nothing', async () => {
    const memory = createMemoryLogStore();
    let proofs = 0;
    const rows = rowsWith(memory, {
      head: async () => ({ epoch: 'e', seq: 1_000_000, updatedAt: world.now - 3_600_000 }),
      query: async (_channel, _after, through) => ({ messages: [], through }),
      prove: async () => {
        proofs += 1;
        return { outcome: 'proven', present: [] };
      },
    });
    const world: World = new World({ rows });
    const phone = await world.device('alice', 'phone');
    expect(phone.replays).toMatchObject([{ through: 1_000_000, expired: 1_000_000, more: false }]);
    expect(proofs).toBe(0);
  });

  it('proves at most 100 seqs a page, and goes on page by page', async () => {
    const memory = createMemoryLogStore();
    const asked: number[] = [];
    const rows = rowsWith(memory, {
      prove: async (channel, missing) => {
        asked.push(missing.length);
        return await memory.prove(channel, missing);
      },
    });
    const world = new World({ rows });
    await away(world);
    await publishAll(world, range(1, 250));
    for (const seq of range(1, 250)) memory.drop(CHANNEL, seq);
    const phone = await world.device('alice', 'phone');
    expect(asked).toEqual([100, 100, 50]);
    expect(phone.replays.reduce((sum, { expired }) => sum + expired, 0)).toBe(250);
    expect(phone.replays.at(-1)).toMatchObject({ through: 250, more: false });
  });
});

describe('the cursor', () => {
  it('in mode auto moves with accepted messages, but never over a gap', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    await publishAll(world, ['a', 'b']);
    expect(await world.cursor('alice', 'phone')).toBe(2);
    phone.refusals = refusing();
    await world.publish('alice', 'c');
    await world.publish('alice', 'd');
    expect(await world.cursor('alice', 'phone')).toBe(2);
    await world.drive();
    expect(await world.cursor('alice', 'phone')).toBe(4);
    expect(new Set(seqs(phone))).toEqual(new Set([1, 2, 3, 4]));
  });

  it('in mode client moves by acks alone', async () => {
    const world = new World();
    await world.device('alice', 'phone', { ackMode: 'client' });
    await world.publish('alice', 'a');
    expect(await world.cursor('alice', 'phone')).toBe(0);
  });

  it('of the origin device passes over its own message', async () => {
    const world = new World();
    await world.device('alice', 'phone', { ackMode: 'client' });
    await world.publish('alice', 'own', { origin: { ...NO_ORIGIN, deviceId: 'phone' } });
    expect(await world.cursor('alice', 'phone')).toBe(1);
    await world.publish('alice', 'other');
    await world.publish('alice', 'own', { origin: { ...NO_ORIGIN, deviceId: 'phone' } });
    expect(await world.cursor('alice', 'phone')).toBe(1);
  });

  it('is not invented for an origin device nobody has seen', async () => {
    const world = new World();
    await world.publish('alice', 'own', { origin: { ...NO_ORIGIN, deviceId: 'laptop' } });
    expect(await world.app.devices.list('alice')).toEqual([]);
  });

  it('of a new device starts where the most advanced one stands', async () => {
    const world = new World();
    await away(world, 'behind');
    await world.device('alice', 'ahead');
    await publishAll(world, ['a', 'b']);
    const fresh = await world.device('alice', 'fresh');
    expect(fresh.frames[0]).toMatchObject({ event: 'ready', cursor: 2, head: 2 });
    expect(seqs(fresh)).toEqual([]);
  });

  it('of a device not seen for 90 days is forgotten', async () => {
    const world = new World();
    await away(world);
    world.now += 91 * 24 * 3_600_000;
    await world.publish('alice', 'a');
    const phone = await world.device('alice', 'phone');
    expect(phone.frames[0]).toMatchObject({ cursor: 0 });
    expect(seqs(phone)).toEqual([1]);
  });

  it('of another epoch means nothing: the device gets the new numbering from its beginning', async () => {
    const world = new World();
    await world.device('alice', 'phone');
    const key = { userId: 'alice', deviceId: 'phone' };
    const seen = { lastSeenAt: world.now, expiresAt: world.now + 1000 };
    await world.app.devices.advance(key, CHANNEL, { to: { epoch: 'before the restore', seq: 99 } }, seen);
    await world.publish('alice', 'a');
    const phone = await world.device('alice', 'phone');
    expect(phone.frames[0]).toMatchObject({ cursor: 0, head: 1 });
    expect(seqs(phone)).toEqual([1]);
  });
});

describe('connecting', () => {
  it('replaces the device’s older connection, which hears why, also while that is still opening', async () => {
    const world = new World();
    const older = await world.open('alice', 'phone');
    older.state = 'opening';
    world.now += 10;
    const newer = await world.open('alice', 'phone');
    const opensAt = world.now + 5000;
    older.beforePost = () => {
      if (world.now >= opensAt) older.state = 'open';
    };
    await world.drive();
    expect(older.frames).toMatchObject([{ event: 'bye', code: 'replaced' }]);
    expect(older.state).toBe('closed');
    expect(newer.frames.map(({ event }) => event)).toEqual(['ready', 'replay']);
    expect(await world.connectionsOf('alice')).toHaveLength(1);
  });

  it('by hand-over leaves the older connection be until the newer one is ready', async () => {
    const world = new World();
    const older = await world.device('alice', 'phone');
    world.now += 10;
    const newer = await world.open('alice', 'phone', { handover: true });
    await world.publish('alice', 'in between');
    expect(older.messages.map(({ data }) => data)).toEqual(['in between']);
    await world.drive();
    expect(newer.frames[0]).toMatchObject({ event: 'ready' });
    expect(older.frames.at(-1)).toMatchObject({ event: 'bye', code: 'replaced' });
    expect(await world.publish('alice', 'after')).toMatchObject({ connections: 1, sent: 1 });
  });

  it('by a hand-over that fails leaves the older connection where it was', async () => {
    const world = new World();
    const older = await world.device('alice', 'phone');
    world.now += 10;
    const newer = await world.open('alice', 'phone', { handover: true });
    newer.state = 'closed';
    await world.drive();
    expect(await world.publish('alice', 'still here')).toMatchObject({ sent: 1 });
    expect(older.live).toHaveLength(1);
  });

  it('leaves no row behind when it fails', async () => {
    const world = new World();
    const { list } = world.app.connections;
    world.app.connections.list = async () => {
      throw new Error('unreachable');
    };
    await expect(world.open('alice', 'phone')).rejects.toThrow('unreachable');
    expect(await list('alice')).toEqual([]);
  });
});
