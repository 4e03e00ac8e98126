import { describe, expect, it } from 'vitest';
import { Busy } from '../../../../lambdas/domain/errors.ts';
import type { LogStore } from '../../../../lambdas/domain/ports/log-store.ts';
import { publish } from '../../../../lambdas/domain/publish/publish.ts';
import { userChannel } from '../../../../lambdas/protocol/channel.ts';
import { NO_ORIGIN, type Notification } from '../../../../lambdas/protocol/notification.ts';
import { createMemoryLogStore, type MemoryLogStore } from '../../../support/memory-log-store.ts';
import { refusing, rowsWith, World } from '../../../support/world.ts';

const notification = (fields: Partial<Notification> = {}): Notification => ({
  channels: [userChannel('alice')],
  type: 'test',
  data: 'hello',
  id: undefined,
  origin: NO_ORIGIN,
  collapseKey: undefined,
  retentionSeconds: undefined,
  trace: false,
  ...fields,
});

describe('a published message', () => {
  it('goes live to every ready connection but the origin device’s', async () => {
    const world = new World();
    const [phone, laptop] = [await world.device('alice', 'phone'), await world.device('alice', 'laptop')];
    const bob = await world.device('bob', 'phone');
    const result = await world.publish('alice', 'hello', { origin: { ...NO_ORIGIN, deviceId: 'laptop' } });
    expect(result).toMatchObject({ seq: 1, connections: 2, sent: 1, excluded: 1, gone: 0, deferred: 0 });
    expect(phone.live).toMatchObject([{ channel: 'user:alice', seq: 1, data: 'hello' }]);
    expect(laptop.live).toEqual([]);
    expect(bob.live).toEqual([]);
  });

  it('is left to the replay of a connection that is not ready: ready is its first frame', async () => {
    const world = new World();
    const opening = await world.open('alice', 'phone');
    expect(await world.publish('alice', 'early')).toMatchObject({ connections: 1, sent: 0, deferred: 1 });
    expect(opening.frames).toEqual([]);
    await world.drive();
    expect(opening.frames.map(({ event }) => event)).toEqual(['ready', 'replay']);
    expect(opening.messages).toMatchObject([{ seq: 1, data: 'early' }]);
  });

  it('reaches the others when one connection fails, and that one by a replay', async () => {
    const world = new World();
    const [phone, laptop] = [await world.device('alice', 'phone'), await world.device('alice', 'laptop')];
    phone.refusals = refusing();
    expect(await world.publish('alice', 'hello')).toMatchObject({ sent: 1, deferred: 1 });
    expect(laptop.live).toHaveLength(1);
    expect(phone.messages).toEqual([]);
    await world.drive();
    expect(phone.messages).toMatchObject([{ seq: 1 }]);
  });

  it('reaches an anonymous device that was throttled, from that message on', async () => {
    const world = new World();
    const anonymous = await world.device('alice');
    await world.publish('alice', 'first');
    anonymous.refusals = refusing('failed');
    await world.publish('alice', 'second');
    await world.drive();
    expect(anonymous.messages.map(({ data }) => data)).toEqual(['first', 'second']);
  });

  it('takes a connection that is gone off the table', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    phone.state = 'closed';
    world.now += 60_000;
    expect(await world.publish('alice', 'old')).toMatchObject({ gone: 1 });
    expect(await world.connectionsOf('alice')).toEqual([]);
  });

  it('takes a young connection that seems gone for one that takes no frames for now', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    phone.state = 'closed';
    expect(await world.publish('alice', 'young')).toMatchObject({ gone: 0, deferred: 1 });
    const [connection] = await world.connectionsOf('alice');
    expect(connection?.paused).toBeDefined();
    phone.state = 'open';
    await world.drive();
    expect(phone.messages.map(({ data }) => data)).toEqual(['young']);
  });

  it('asks for a replay of what an `auto` device took and its cursor did not pass', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    const { advance } = world.app.devices;
    world.app.devices.advance = () => Promise.reject(new Error('the store is unreachable'));
    expect(await world.publish('alice', 'taken')).toMatchObject({ sent: 0, deferred: 1 });
    world.app.devices.advance = advance;
    await world.drive();
    expect(
      (await world.app.devices.find({ userId: 'alice', deviceId: 'phone' }))?.cursors.get('user:alice'),
    ).toMatchObject({ seq: 1 });
    expect(phone.state).toBe('open');
  });

  it('is not posted once the token has expired: a bye is', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone', { tokenExpiresAt: world.now + 1000 });
    world.now += 1000;
    expect(await world.publish('alice', 'late')).toMatchObject({ connections: 1, sent: 0, gone: 1 });
    await world.drive();
    expect(phone.live).toEqual([]);
    expect(phone.frames.at(-1)).toMatchObject({ event: 'bye', code: 'token_expired' });
    expect(phone.state).toBe('closed');
    expect(await world.connectionsOf('alice')).toEqual([]);
  });

  it('is not posted to a connection that is being closed', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    const [connection] = await world.connectionsOf('alice');
    if (connection) await world.app.connections.markClosing(connection, 'revoked', 'request');
    expect(await world.publish('alice', 'late')).toMatchObject({ connections: 0 });
    expect(phone.live).toEqual([]);
  });
});

describe('the same id', () => {
  it('makes one message, delivered again', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    expect(await world.publish('alice', { a: 1, b: 2 }, { id: 'key' })).toMatchObject({
      seq: 1,
      duplicate: false,
    });
    expect(await world.publish('alice', { b: 2, a: 1 }, { id: 'key' })).toMatchObject({
      seq: 1,
      duplicate: true,
    });
    expect(phone.live.map(({ seq }) => seq)).toEqual([1, 1]);
    expect(await world.publish('alice', 'next')).toMatchObject({ seq: 2 });
  });

  it('is refused for another payload, origin or retention', async () => {
    const world = new World();
    await world.publish('alice', 'one', { id: 'key' });
    for (const other of [
      { data: 'two' },
      { origin: { ...NO_ORIGIN, deviceId: 'phone' } },
      { origin: { ...NO_ORIGIN, deviceId: 'phone', tab: 'a' } },
      { collapseKey: 'k' },
      { retentionSeconds: 60 },
      { type: 'x' },
    ]) {
      const { results } = await publish(world.app, notification({ data: 'one', id: 'key', ...other }));
      expect(results).toMatchObject([
        { userId: 'alice', error: { code: 'idempotency_conflict', retryable: false } },
      ]);
    }
  });

  it('is another user’s own key', async () => {
    const world = new World();
    await world.publish('alice', 'one', { id: 'key' });
    expect(await world.publish('bob', 'two', { id: 'key' })).toMatchObject({ seq: 1, duplicate: false });
  });

  it('may be used anew after 24 hours', async () => {
    const world = new World();
    await world.publish('alice', 'one', { id: 'key' });
    world.now += 24 * 3_600_000 + 1000;
    expect(await world.publish('alice', 'two', { id: 'key' })).toMatchObject({ seq: 2, duplicate: false });
  });

  it('delivers nothing again once the message has expired', async () => {
    const world = new World();
    await world.publish('alice', 'one', { id: 'key', retentionSeconds: 60 });
    const phone = await world.device('alice', 'phone');
    world.now += 61_000;
    const again = { id: 'key', retentionSeconds: 60 };
    expect(await world.publish('alice', 'one', again)).toMatchObject({ seq: 1, duplicate: true, sent: 0 });
    expect(phone.live).toEqual([]);
  });
});

describe('an append whose answer was lost', () => {
  /** The first append takes effect, and its answer never comes. */
  const losingFirstAnswer = (memory: MemoryLogStore): MemoryLogStore => {
    let lost = false;
    return rowsWith(memory, {
      append: async (...args) => {
        const outcome = await memory.append(...args);
        if (lost) return outcome;
        lost = true;
        throw new Error('time-out');
      },
    });
  };

  it.each([undefined, 'key'])('is found again and not doubled (id %s)', async (id) => {
    const rows = losingFirstAnswer(createMemoryLogStore());
    const world = new World({ rows });
    expect(await world.publish('alice', 'once', { id })).toMatchObject({ seq: 1, duplicate: false });
    expect(await rows.query('user:alice', 0, 10)).toMatchObject({ messages: [{ seq: 1 }] });
    expect(await rows.head('user:alice')).toMatchObject({ seq: 1 });
  });

  it('is found again behind the messages of others', async () => {
    const memory = createMemoryLogStore();
    let lost = false;
    const rows = rowsWith(memory, {
      append: async (...args) => {
        const outcome = await memory.append(...args);
        if (lost) return outcome;
        lost = true;
        await new World({ rows: memory }).publish('alice', 'another publisher’s');
        throw new Error('time-out');
      },
    });
    const world = new World({ rows });
    expect(await world.publish('alice', 'ours')).toMatchObject({ seq: 1 });
    expect((await memory.query('user:alice', 0, 10)).messages).toHaveLength(2);
  });

  it('before it took effect is tried again', async () => {
    const memory = createMemoryLogStore();
    let calls = 0;
    const append: LogStore['append'] = async (...args) => {
      if (++calls < 3) throw new Error('refused');
      return await memory.append(...args);
    };
    const world = new World({ rows: rowsWith(memory, { append }) });
    expect(await world.publish('alice', 'once')).toMatchObject({ seq: 1 });
  });
});

describe('a publisher that knows the head from before', () => {
  /** `reads`: how often the head was asked for. */
  function worldThatCounts() {
    const memory = createMemoryLogStore();
    const counted = { reads: 0, appends: 0 };
    const rows = rowsWith(memory, {
      head: (channel) => {
        counted.reads += 1;
        return memory.head(channel);
      },
      append: (...args) => {
        counted.appends += 1;
        return memory.append(...args);
      },
    });
    return { world: new World({ rows }), other: new World({ rows: memory }), memory, counted };
  }

  it('appends without asking for it', async () => {
    const { world, counted } = worldThatCounts();
    for (const seq of [1, 2, 3]) expect(await world.publish('alice', 'hello')).toMatchObject({ seq });
    expect(counted).toEqual({ reads: 1, appends: 3 });
  });

  it('asks when that was long ago', async () => {
    const { world, counted } = worldThatCounts();
    await world.publish('alice', 'hello');
    world.now += 10_000;
    expect(await world.publish('alice', 'hello')).toMatchObject({ seq: 2 });
    expect(counted).toEqual({ reads: 2, appends: 2 });
  });

  it('finds out by the append when another has published since, and asks each time for the next minute', async () => {
    const { world, other, counted } = worldThatCounts();
    await world.publish('alice', 'ours');
    await other.publish('alice', 'another’s');
    expect(await world.publish('alice', 'ours')).toMatchObject({ seq: 3 });
    expect(counted).toEqual({ reads: 2, appends: 3 });
    await world.publish('alice', 'ours');
    await world.publish('alice', 'ours');
    expect(counted).toEqual({ reads: 4, appends: 5 });
    world.now += 60_000;
    await world.publish('alice', 'ours');
    await world.publish('alice', 'ours');
    expect(counted).toEqual({ reads: 5, appends: 7 });
  });

  it('finds out when the numbering is another one', async () => {
    const { world, memory } = worldThatCounts();
    await world.publish('alice', 'of the first epoch');
    for (const seq of [0, 1]) memory.drop('user:alice', seq);
    await memory.create('user:alice', { epoch: 'another epoch', seq: 0, updatedAt: world.now });
    expect(await world.publish('alice', 'of the second')).toMatchObject({ seq: 1 });
    expect(await memory.head('user:alice')).toMatchObject({ epoch: 'another epoch', seq: 1 });
  });

  it('knows a duplicate for one all the same', async () => {
    const { world, counted } = worldThatCounts();
    await world.publish('alice', 'hello', { id: 'key' });
    expect(await world.publish('alice', 'hello', { id: 'key' })).toMatchObject({ seq: 1, duplicate: true });
    expect(counted).toEqual({ reads: 2, appends: 3 });
  });

  it('takes no key of another numbering for a duplicate', async () => {
    const { world, memory } = worldThatCounts();
    await world.publish('alice', 'hello', { id: 'key' });
    for (const seq of [0, 1]) memory.drop('user:alice', seq);
    await memory.create('user:alice', { epoch: 'another epoch', seq: 0, updatedAt: world.now });
    expect(await world.publish('alice', 'hello', { id: 'key' })).toMatchObject({ seq: 1, duplicate: false });
    expect(await memory.query('user:alice', 0, 10)).toMatchObject({ messages: [{ id: 'key' }] });
  });

  it('waits before it tries again after a fault', async () => {
    const { memory } = worldThatCounts();
    let appends = 0;
    const append: LogStore['append'] = async (...args) => {
      if (++appends === 2) throw new Busy('throttled');
      return await memory.append(...args);
    };
    const world = new World({ rows: rowsWith(memory, { append }) });
    await world.publish('alice', 'first');
    const before = world.now;
    expect(await world.publish('alice', 'second')).toMatchObject({ seq: 2 });
    expect(world.now).toBeGreaterThan(before);
  });

  it.each([undefined, 'key'])('does not double a message whose answer was lost (id %s)', async (id) => {
    const { memory } = worldThatCounts();
    let appends = 0;
    const append: LogStore['append'] = async (...args) => {
      const outcome = await memory.append(...args);
      if (++appends === 2) throw new Error('time-out');
      return outcome;
    };
    const world = new World({ rows: rowsWith(memory, { append }) });
    await world.publish('alice', 'first');
    expect(await world.publish('alice', 'second', { id })).toMatchObject({ seq: 2, duplicate: false });
    expect(await memory.head('user:alice')).toMatchObject({ seq: 2 });
  });
});

describe('a publisher that cannot be served', () => {
  it('is told to come back when it loses every race', async () => {
    const append: LogStore['append'] = async () => ({ outcome: 'lost_race' });
    const world = new World({ rows: rowsWith(createMemoryLogStore(), { append }) });
    const { results } = await publish(world.app, notification());
    expect(results).toMatchObject([{ userId: 'alice', error: { code: 'busy', retryable: true } }]);
  });

  it('is told so when the store fails, after three tries', async () => {
    let calls = 0;
    const head: LogStore['head'] = async () => {
      calls += 1;
      throw new Error('unreachable');
    };
    const world = new World({ rows: rowsWith(createMemoryLogStore(), { head }) });
    const { results } = await publish(world.app, notification());
    expect(results).toMatchObject([{ error: { code: 'internal', retryable: true } }]);
    expect(calls).toBe(3);
  });

  it('for one of many users leaves the others as they are', async () => {
    const memory = createMemoryLogStore();
    const head: LogStore['head'] = async (channel) => {
      if (channel === 'user:bob') throw new Busy('throttled');
      return await memory.head(channel);
    };
    const world = new World({ rows: rowsWith(memory, { head }) });
    const { results } = await publish(
      world.app,
      notification({ channels: ['alice', 'bob', 'carol'].map(userChannel) }),
    );
    expect(results).toMatchObject([{ seq: 1 }, { userId: 'bob', error: { retryable: true } }, { seq: 1 }]);
  });

  it('whose message is stored but whose connections cannot be looked up repeats the request only under its id', async () => {
    const world = new World();
    world.app.connections.pages = async function* () {
      yield await Promise.reject(new Error('unreachable'));
    };
    expect(await world.publish('alice', 'no id')).toMatchObject({ seq: 1, connections: 0 });
    const { results } = await publish(world.app, notification({ id: 'key' }));
    expect(results).toMatchObject([{ error: { code: 'internal', retryable: true } }]);
  });

  it('with too large a message stores nothing for anybody', async () => {
    const world = new World();
    const data = 'x'.repeat(31_744);
    const attempt = publish(
      world.app,
      notification({ channels: ['a', 'b'.repeat(200)].map(userChannel), data }),
    );
    await expect(attempt).rejects.toMatchObject({ code: 'too_large' });
    expect(await world.rows.head('user:a')).toBeUndefined();
  });
});
