/** What every store guarantees of which a start reads at once. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { App } from '../../../../lambdas/domain/app.ts';
import type { Device, DeviceKey, LastSeen } from '../../../../lambdas/domain/model.ts';
import type { LogStore } from '../../../../lambdas/domain/ports/log-store.ts';
import { connectionOf, START } from './harness.ts';

const KEPT_MS = 60_000;

export type StartStores = Pick<App, 'connections' | 'devices' | 'cursors' | 'readStates' | 'starts'> & {
  log: LogStore;
};

export function startStoreContract(create: (now: () => number) => StartStores): void {
  let now: number;
  let stores: StartStores;
  let userId: string;
  let phone: DeviceKey;
  let lastSeen: LastSeen;

  beforeEach(async () => {
    now = START;
    stores = create(() => now);
    userId = `alice-${randomUUID()}`;
    phone = { userId, deviceId: 'phone' };
    const on = connectionOf(userId);
    await stores.connections.add(on, 'request-1');
    lastSeen = { lastSeenAt: START, expiresAt: START + KEPT_MS, on };
  });

  const head = (seq: number) => ({ epoch: 'e', seq, updatedAt: START });
  const state = { version: 1, epoch: 'e', through: 3, seqs: [5] };
  const inTopic = (topic: number): DeviceKey => ({ userId, deviceId: `topic:${topic}#phone` });
  const read = (keys: { device?: DeviceKey; cursors?: DeviceKey[]; channels?: string[] } = {}) =>
    stores.starts.read({ userId, device: undefined, cursors: [], channels: [], ...keys });
  const ids = (devices: Device[]) => devices.map(({ deviceId }) => deviceId).toSorted();
  const begin = (topic: number) =>
    stores.cursors.advance(inTopic(topic), `topic:${topic}`, { to: { epoch: 'e', seq: topic } }, lastSeen);

  describe('what a start must know', () => {
    it('is nothing of a user whom nobody has seen', async () => {
      const rows = await read({ device: phone, cursors: [inTopic(1)], channels: [`user:${userId}`] });
      expect(rows).toEqual({ device: undefined, cursors: [], readState: undefined, heads: new Map() });
    });

    it('is as the other stores find it', async () => {
      const { devices, cursors, readStates, log, starts } = stores;
      const names = [`user:${userId}`, `topic:${userId}`, `topic:${userId}-2`];
      await log.create(`user:${userId}`, head(5));
      await log.create(`topic:${userId}`, head(7));
      await devices.advance(phone, `user:${userId}`, { to: { epoch: 'e', seq: 4 } }, lastSeen);
      await devices.touch({ userId, deviceId: 'laptop' }, lastSeen);
      await devices.enroll(userId, lastSeen);
      for (const topic of [1, 3]) await begin(topic);
      await cursors.advanceFurthest(userId, 'topic:1', { epoch: 'e', seq: 9 }, lastSeen);
      await readStates.replace(userId, 0, state);

      const keys = { userId, device: phone, cursors: [inTopic(1), inTopic(2)], channels: names };
      const rows = await starts.read(keys);
      expect(rows.device).toEqual(await devices.find(phone));
      expect(rows.device?.cursors.size).toBe(1);
      expect(rows.cursors).toEqual([await cursors.find(inTopic(1))]);
      expect(rows.readState).toEqual(state);
      expect(rows.heads).toEqual(await log.heads(names));
      expect(rows.heads.size).toBe(2);
    });

    it('is no device that is forgotten', async () => {
      await stores.devices.touch(phone, lastSeen);
      await begin(1);
      const keys = { device: phone, cursors: [inTopic(1)] };
      expect(ids((await read(keys)).cursors)).toEqual(['topic:1#phone']);
      now = START + KEPT_MS;
      expect(await read(keys)).toMatchObject({ device: undefined, cursors: [] });
    });

    it('is what the user has read, for an anonymous device', async () => {
      await stores.log.create(`user:${userId}`, head(5));
      await stores.readStates.replace(userId, 0, state);
      await stores.devices.touch(phone, lastSeen);
      expect(await read()).toMatchObject({ device: undefined, readState: state });
    });

    it('may be of any number of channels', async () => {
      const topics = Array.from({ length: 120 }, (_none, index) => index);
      for (const topic of [3, 117]) await begin(topic);
      await stores.log.create(`topic:${userId}-119`, head(1));
      const channels = topics.map((topic) => `topic:${userId}-${topic}`);
      const rows = await read({ device: phone, cursors: topics.map(inTopic), channels });
      expect(ids(rows.cursors)).toEqual(['topic:117#phone', 'topic:3#phone']);
      expect([...rows.heads.keys()]).toEqual([`topic:${userId}-119`]);
    });
  });
}
