/** What a client may cost: one replay at a time, so many frames a second, and nothing for an ack of old. */
import { describe, expect, it } from 'vitest';
import type { Sender } from '../../../../lambdas/domain/session/admit.ts';
import { handleFrame } from '../../../../lambdas/domain/session/commands.ts';
import { createFrameRates } from '../../../../lambdas/domain/session/frame-rates.ts';
import { receive } from '../../../../lambdas/domain/session/receive.ts';
import type { ClientFrame } from '../../../../lambdas/protocol/client-frame.ts';
import { NO_PERMISSIONS } from '../../../../lambdas/protocol/permissions.ts';
import { World } from '../../../support/world.ts';

const meansOf = ({ now }: World) => ({ deadlineAt: Number.POSITIVE_INFINITY, receivedAt: now });

const senderOf = async (world: World): Promise<Sender> => {
  const [connection] = await world.connectionsOf('alice');
  if (!connection) throw new Error('no connection');
  return { ...connection, permissions: NO_PERMISSIONS };
};

const say = async (world: World, ...frames: ClientFrame[]): Promise<void> =>
  await receive(world.app, await senderOf(world), frames, meansOf(world));

describe('twenty syncs of everything at once, in mode auto', () => {
  it('bring the log once, window by window', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    for (let seq = 1; seq <= 40; seq++) await world.publish('alice', 'x'.repeat(20_000));
    phone.frames.length = 0;
    const sync = { action: 'sync', after: 0 } as const;
    await Promise.all(Array.from({ length: 20 }, () => say(world, sync)));
    await world.drive();
    const bytes = phone.replays.reduce((sum, { messages }) => sum + messages.length, 0);
    expect(bytes).toBeLessThanOrEqual(2 * 40);
    expect(new Set(phone.messages.map(({ seq }) => seq)).size).toBe(40);
  });
});

describe('the sync of an anonymous device', () => {
  it('reaches back no further than its connect', async () => {
    const world = new World();
    await world.publish('alice', 'before');
    const anonymous = await world.device('alice');
    await world.publish('alice', 'since');
    anonymous.frames.length = 0;
    await say(world, { action: 'sync', after: 0 });
    expect(anonymous.messages.map(({ data }) => data)).toEqual(['since']);
  });
});

describe('an ack that moves nothing', () => {
  it('costs one look at the device, and no line of the log', async () => {
    const world = new World();
    await world.device('alice', 'phone');
    await world.publish('alice', 'a');
    const calls: string[] = [];
    const { connections, devices, log } = world.app;
    for (const [name, port] of Object.entries({ connections, devices, log })) {
      for (const [method, call] of Object.entries(port)) {
        Object.assign(port, {
          [method]: (...args: unknown[]) => {
            calls.push(`${name}.${method}`);
            return (call as (...args: unknown[]) => unknown)(...args);
          },
        });
      }
    }
    const sender = (await world.app.connections.list('alice'))[0];
    if (!sender) throw new Error('no connection');
    calls.length = 0;
    world.logger.entries.length = 0;
    await receive(
      world.app,
      { ...sender, permissions: NO_PERMISSIONS },
      [{ action: 'ack', acks: [{ seq: 1 }] }],
      meansOf(world),
    );
    expect(calls).toEqual(['devices.find']);
    expect(world.logger.entries).toEqual([]);
  });
});

describe('frames that exceed the rate of a connection', () => {
  it('are answered once a second, with when to try again, and are not obeyed', async () => {
    const world = new World({ frameRates: createFrameRates(10) });
    const phone = await world.device('alice', 'phone');
    phone.frames.length = 0;
    for (let count = 0; count < 120; count++) await say(world, { action: 'ping', ref: `${count}` });
    expect(phone.frames.filter(({ event }) => event === 'pong')).toHaveLength(50);
    const errors = phone.frames.filter((frame) => frame.event === 'error');
    expect(errors).toMatchObject([{ code: 'rate_limited', retryable: true, ref: '50', retryAfterMs: 100 }]);

    world.now += 1000;
    for (let count = 0; count < 20; count++) await say(world, { action: 'ping' });
    expect(phone.frames.filter(({ event }) => event === 'pong')).toHaveLength(60);
    expect(phone.frames.filter(({ event }) => event === 'error')).toHaveLength(2);
  });

  it('are counted for each connection by itself', async () => {
    const rates = createFrameRates(1);
    for (let count = 0; count < 5; count++) expect(rates.admit('a', 0).admitted).toBe(true);
    expect(rates.admit('a', 0).admitted).toBe(false);
    expect(rates.admit('b', 0).admitted).toBe(true);
    expect(rates.admit('a', 999).admitted).toBe(false);
    expect(rates.admit('a', 2001).admitted).toBe(true);
  });
});

const HOUR_MS = 3_600_000;

describe('the devices of a user', () => {
  it('beyond the limit are forgotten, the longest unseen first', async () => {
    const world = new World();
    world.app.settings.maxDevicesPerUser = 3;
    for (const deviceId of ['a', 'b', 'c', 'd']) {
      await world.device('alice', deviceId);
      world.now += 1000;
    }
    const ids = (await world.app.devices.list('alice')).map(({ deviceId }) => deviceId);
    expect(ids.toSorted()).toEqual(['b', 'c', 'd']);
  });

  it('are noted as seen when they connect, once in twelve hours', async () => {
    const world = new World();
    const seenAt = async () => {
      await world.device('alice', 'phone');
      return (await world.app.devices.find({ userId: 'alice', deviceId: 'phone' }))?.lastSeenAt;
    };
    const first = world.now;
    expect(await seenAt()).toBe(first);
    world.now = first + 12 * HOUR_MS - 1;
    expect(await seenAt()).toBe(first);
    world.now = first + 12 * HOUR_MS;
    expect(await seenAt()).toBe(world.now);
  });

  it('are remembered for 90 days from a connect, however often they connect', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    await world.publish('alice', 'hello');
    expect(phone.messages).toHaveLength(1);
    for (let count = 0; count < 100; count++) {
      world.now += 10 * HOUR_MS;
      await world.device('alice', 'phone');
    }
    const device = await world.app.devices.find({ userId: 'alice', deviceId: 'phone' });
    expect((device?.expiresAt ?? 0) - world.now).toBeGreaterThan(60 * 24 * HOUR_MS);
    expect(world.now - (device?.lastSeenAt ?? 0)).toBeLessThan(12 * HOUR_MS);
  });

  it('are counted also when the first thing a device does is to acknowledge', async () => {
    const world = new World();
    world.app.settings.maxDevicesPerUser = 2;
    for (const deviceId of ['a', 'b', 'c']) {
      await world.open('alice', deviceId, { ackMode: 'client' });
      world.requests.length = 0;
      const sender = (await world.connectionsOf('alice')).find((one) => one.deviceId === deviceId);
      if (!sender) throw new Error('no connection');
      await receive(
        world.app,
        { ...sender, permissions: NO_PERMISSIONS },
        [{ action: 'ack', acks: [{ seq: 0 }] }],
        meansOf(world),
      );
      world.now += 1000;
    }
    expect(await world.app.devices.list('alice')).toHaveLength(2);
  });

  it('are looked for once: from then on it is kept where the most advanced stands', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone', { ackMode: 'client' });
    await world.publish('alice', 'a');
    await world.publish('alice', 'b');
    expect(phone.messages).toHaveLength(2);
    const [connection] = await world.connectionsOf('alice');
    if (!connection) throw new Error('no connection');
    await handleFrame(
      world.app,
      connection,
      { action: 'ack', acks: [{ seq: 1 }] },
      { permissions: NO_PERMISSIONS, ...meansOf(world) },
    );
    world.app.devices.list = async () => Promise.reject(new Error('no search'));
    const tablet = await world.device('alice', 'tablet');
    expect(tablet.messages.map(({ data }) => data)).toEqual(['b']);
  });

  it('that never acknowledged are remembered a day, however often they connect, others for ninety', async () => {
    const world = new World();
    world.now += 500; // rows lapse on whole seconds, so the first row lapses in a day and half a second
    const day = 24 * 3_600_000;
    await world.device('alice', 'silent', { ackMode: 'client' });
    await world.device('alice', 'silent', { ackMode: 'client' });
    await world.device('alice', 'phone');
    await world.publish('alice', 'a');
    const left = async (deviceId: string) =>
      ((await world.app.devices.find({ userId: 'alice', deviceId }))?.expiresAt ?? 0) - world.now;
    expect(await left('silent')).toBeLessThanOrEqual(day + 1000);
    expect(await left('phone')).toBeGreaterThan(89 * day);
  });
});
