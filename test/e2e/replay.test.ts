import { describe, expect, it } from 'vitest';
import type { ReplayFrame } from '../../lambdas/protocol/frames.ts';
import { MAX_FRAME_BYTES, REPLAY_WINDOW_FRAMES } from '../../lambdas/protocol/limits.ts';
import { userPath } from '../../lambdas/protocol/user-path.ts';
import type { Client } from '../../local/cli/client.ts';
import { range, Target } from './target.ts';

const target = new Target();

const seqs = (client: Client) => client.messages.map(({ seq }) => seq);
const replays = (client: Client) =>
  client.frames.filter((frame): frame is ReplayFrame => frame.event === 'replay');

/** Presence shows a cursor once it has moved. */
async function cursorReaches(user: string, deviceId: string, cursor: number): Promise<void> {
  for (const deadline = Date.now() + 45_000; ; ) {
    const { body } = await target.request<{ devices: { deviceId: string; cursor: number }[] }>(
      'GET',
      `/users/${userPath(user)}/connections`,
    );
    const device = body.devices.find((one) => one.deviceId === deviceId);
    if (device?.cursor === cursor) return;
    if (Date.now() > deadline) throw new Error(`cursor ${device?.cursor} never became ${cursor}`);
  }
}

describe('a device that was away', () => {
  it('gets what it missed, in order, and then live messages', async () => {
    const user = target.newUser();
    const before = await target.device(user, 'phone');
    await target.publish(user, 'live');
    await before.event('message');
    await cursorReaches(user, 'phone', 1);
    await before.vanish();
    await target.publishAll(user, ['a', 'b', 'c']);

    const back = await target.device(user, 'phone');
    expect(await back.event('ready')).toMatchObject({ head: 4, cursor: 1 });
    expect(back.messages.map(({ data }) => data)).toEqual(['a', 'b', 'c']);
    expect(replays(back)).toMatchObject([{ through: 4, expired: 0, more: false }]);
    await target.publish(user, 'd');
    expect(await back.event('message')).toMatchObject({ seq: 5, data: 'd' });
  });

  it('does not get its own messages, and its cursor passes over them', async () => {
    const user = target.newUser();
    await (await target.device(user, 'laptop')).vanish();
    await target.publish(user, 'own', { excludeDeviceId: 'laptop' });
    await target.publish(user, 'other');
    await target.publish(user, 'own again', { excludeDeviceId: 'laptop' });
    const back = await target.device(user, 'laptop');
    expect(back.messages.map(({ data }) => data)).toEqual(['other']);
    expect(replays(back).at(-1)).toMatchObject({ through: 3, expired: 0, more: false });
    await cursorReaches(user, 'laptop', 3);
  });

  it('gets a long backlog completely, in frames of at most 32 KB', async () => {
    const user = target.newUser();
    await (await target.device(user, 'phone')).vanish();
    const count = target.settings.backlog;
    await target.publishAll(user, range(1, count), 8);
    const back = await target.open(user, { deviceId: 'phone' });
    await back.caughtUp(60_000);
    expect(seqs(back)).toEqual(range(1, count));
    const sizes = replays(back).map((frame) => Buffer.byteLength(JSON.stringify(frame)));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_FRAME_BYTES);
    await cursorReaches(user, 'phone', count);
  });

  it('in ack mode client gets it in windows of 16 frames, each after its ack', async () => {
    const user = target.newUser();
    await (await target.device(user, 'phone')).vanish();
    const count = 60;
    await target.publishAll(
      user,
      Array.from({ length: count }, () => 'x'.repeat(20_000)),
      8,
    );

    const back = await target.open(user, { deviceId: 'phone', ack: 'client' });
    for (const window of range(1, Math.ceil(count / REPLAY_WINDOW_FRAMES))) {
      const expected = Math.min(window * REPLAY_WINDOW_FRAMES, count);
      await back.until(() => replays(back).length === expected, `${expected} replay frames`);
      // Nothing follows a full window by itself: whatever were to come would come before this answer.
      back.send({ action: 'ping' });
      await back.until(() => back.frames.filter(({ event }) => event === 'pong').length === window, 'a pong');
      const last = replays(back).at(-1);
      expect(last).toMatchObject({ through: expected, more: expected < count });
      back.send({ action: 'ack', seq: expected });
      await cursorReaches(user, 'phone', expected);
      if (last?.more) back.send({ action: 'sync' });
    }
    expect(seqs(back)).toEqual(range(1, count));
  });
});

describe('the cursor', () => {
  it('in ack mode client moves by acks alone, never back and never past the head', async () => {
    const user = target.newUser();
    const device = await target.device(user, 'phone', { ack: 'client' });
    await target.publishAll(user, ['a', 'b', 'c']);
    await device.until(() => device.messages.length === 3, 'three messages');
    device.send({ action: 'ack', seq: 2 });
    await cursorReaches(user, 'phone', 2);
    device.send({ action: 'ack', seq: 1 });
    device.send({ action: 'ack', seq: 4, ref: 'past' });
    expect(await device.event('error')).toMatchObject({ code: 'ack_past_head', ref: 'past' });
    await device.close();
    const back = await target.device(user, 'phone', { ack: 'client' });
    expect(await back.event('ready')).toMatchObject({ cursor: 2 });
    expect(back.messages.map(({ data }) => data)).toEqual(['c']);
  });

  it('of a device never seen before starts where the most advanced device stands', async () => {
    const user = target.newUser();
    const first = await target.device(user, 'first');
    await target.publishAll(user, ['a', 'b']);
    await cursorReaches(user, 'first', 2);
    await first.close();
    await target.publish(user, 'c');
    const second = await target.device(user, 'second');
    expect(await second.event('ready')).toMatchObject({ cursor: 2, head: 3 });
    expect(second.messages.map(({ data }) => data)).toEqual(['c']);
  });

  it('of a user’s very first device starts at the beginning', async () => {
    const user = target.newUser();
    await target.publishAll(user, ['a', 'b']);
    const device = await target.device(user, 'phone');
    expect(device.messages.map(({ data }) => data)).toEqual(['a', 'b']);
  });
});

describe('a client that asks', () => {
  it('for a sync gets everything after the seq it names, whatever its cursor', async () => {
    const user = target.newUser();
    const device = await target.device(user, 'phone');
    await target.publishAll(user, ['a', 'b', 'c']);
    await cursorReaches(user, 'phone', 3);
    const before = device.frames.length;
    device.send({ action: 'sync', after: 1 });
    const isAnswer = () => replays(device).find(({ through }) => through === 3);
    await device.until(isAnswer, 'the replay');
    expect(isAnswer()?.messages.map(({ data }) => data)).toEqual(['b', 'c']);
    expect(device.frames.length).toBe(before + 1);
  });
});

describe('messages published while a device is connecting', () => {
  it('are all heard, live or replayed', async () => {
    const user = target.newUser();
    await (await target.device(user, 'phone')).close();
    const publishing = target.publishAll(user, range(1, 100), 4);
    for (let round = 0; round < 5; round++) await (await target.open(user, { deviceId: 'phone' })).vanish();
    const device = await target.open(user, { deviceId: 'phone' });
    const ready = await device.event('ready');
    await publishing;
    await device.until(
      () => new Set(seqs(device)).size === 100 - ready.cursor,
      `the ${100 - ready.cursor} after the cursor`,
    );
  });
});
