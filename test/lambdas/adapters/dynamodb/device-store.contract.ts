/** What every store of devices guarantees. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Connection, DeviceKey, LastSeen, Position } from '../../../../lambdas/domain/model.ts';
import type { ConnectionStore } from '../../../../lambdas/domain/ports/connection-store.ts';
import type { CursorMove, DeviceStore } from '../../../../lambdas/domain/ports/device-store.ts';
import { connectionOf } from './harness.ts';

const START = 1_795_939_441_000;
const KEPT_MS = 90 * 24 * 3_600_000;

export interface DeviceHarness {
  store: DeviceStore;
  connections: ConnectionStore;
}

export function deviceStoreContract(create: (now: () => number) => DeviceHarness): void {
  let now: number;
  let key: DeviceKey;
  let channel: string;
  let store: DeviceStore;
  let connections: ConnectionStore;
  /** The connection that devices are seen on. */
  let on: Connection;

  beforeEach(async () => {
    now = START;
    const userId = `user-${randomUUID()}`;
    key = { userId, deviceId: 'phone' };
    channel = `user:${userId}`;
    ({ store, connections } = create(() => now));
    on = connectionOf(userId);
    await connections.add(on, 'request-1');
  });

  const at = (instant: number): LastSeen => ({ lastSeenAt: instant, expiresAt: instant + KEPT_MS, on });
  const cursor = (seq: number, epoch = 'epoch-1'): Position => ({ epoch, seq });
  const advance = (to: Position, from?: CursorMove['from']) =>
    store.advance(key, channel, from === undefined ? { to } : { to, from }, at(now));
  const cursorNow = async () => (await store.find(key))?.cursors.get(channel);

  describe('seeing a device', () => {
    it('remembers a new one, without cursors', async () => {
      const device = {
        ...key,
        cursors: new Map(),
        begun: new Map(),
        lastSeenAt: START,
        expiresAt: START + KEPT_MS,
      };
      expect(await store.touch(key, at(START))).toEqual(device);
      expect(await store.find(key)).toEqual(device);
      expect(await store.list(key.userId)).toEqual([device]);
    });

    it('notes when it last saw a known one and returns its cursors', async () => {
      await advance(cursor(5));
      const device = await store.touch(key, at(START + 9));
      expect(device).toEqual({
        ...key,
        cursors: new Map([[channel, cursor(5)]]),
        begun: new Map(),
        lastSeenAt: START + 9,
        expiresAt: START + KEPT_MS,
      });
      expect(await store.find(key)).toEqual(device);
    });

    it('keeps it as long as the first sighting says, until its cursor moves', async () => {
      await store.touch(key, at(START));
      await store.touch(key, at(START + 60_000));
      await advance(cursor(0), 'anew');
      expect(await store.find(key)).toMatchObject({ expiresAt: START + KEPT_MS });
      await store.advance(key, channel, { to: cursor(1) }, at(START + 60_000));
      now = START + KEPT_MS;
      expect(await store.find(key)).toBeDefined();
      now = START + 60_000 + KEPT_MS;
      expect(await store.find(key)).toBeUndefined();
    });

    it('begins anew without cursors once it has expired', async () => {
      await advance(cursor(5));
      now = START + KEPT_MS;
      expect(await store.find(key)).toBeUndefined();
      expect(await store.list(key.userId)).toEqual([]);
      expect(await store.touch(key, at(now))).toEqual({
        ...key,
        cursors: new Map(),
        begun: new Map(),
        lastSeenAt: now,
        expiresAt: now + KEPT_MS,
      });
      expect(await cursorNow()).toBeUndefined();
    });

    it('at the same time and late, ten times, leaves one device without cursors', async () => {
      await advance(cursor(5));
      now = START + KEPT_MS;
      const seen = await Promise.all(Array.from({ length: 10 }, () => store.touch(key, at(now))));
      expect(seen.every((device) => device?.cursors.size === 0)).toBe(true);
      expect(await store.list(key.userId)).toHaveLength(1);
    });
  });

  describe('an expired device', () => {
    it('keeps the cursor it begins anew with, however many see it at that time', async () => {
      await advance(cursor(50));
      now = START + KEPT_MS;
      const sights = () => Array.from({ length: 10 }, () => store.touch(key, at(now)));
      await Promise.all([...sights(), advance(cursor(3)), ...sights()]);
      expect(await cursorNow()).toEqual(cursor(3));
    });
  });

  describe('reading', () => {
    it('finds nothing where nothing was seen', async () => {
      expect(await store.find(key)).toBeUndefined();
      expect(await store.list(key.userId)).toEqual([]);
    });

    it("lists a user's devices and no other's", async () => {
      await store.touch(key, at(START));
      await store.touch({ ...key, deviceId: 'laptop' }, at(START));
      await store.touch({ userId: `${key.userId}2`, deviceId: 'tablet' }, at(START));
      const ids = (await store.list(key.userId)).map(({ deviceId }) => deviceId);
      expect(ids.toSorted()).toEqual(['laptop', 'phone']);
    });

    it('lists all, also when they fill more than one page of 1 MB', async () => {
      const epoch = 'e'.repeat(60_000);
      const ids = Array.from({ length: 40 }, (_, index) => `device-${index + 10}`);
      await Promise.all(
        ids.map((deviceId) =>
          store.advance({ ...key, deviceId }, channel, { to: cursor(1, epoch) }, at(START)),
        ),
      );
      const listed = (await store.list(key.userId)).map(({ deviceId }) => deviceId);
      expect(listed.toSorted()).toEqual(ids);
    });

    it('takes names as long as the protocol allows, in any script', async () => {
      key = { userId: `${'🌱'.repeat(55)}${randomUUID()}`, deviceId: `${'d'.repeat(119)}.._:-#:x` };
      channel = `user:${key.userId}`;
      await advance(cursor(3));
      expect(await cursorNow()).toEqual(cursor(3));
    });
  });

  describe('a cursor', () => {
    it('is set where there was none, also on a device never seen', async () => {
      expect(await advance(cursor(5))).toBe(true);
      expect(await store.find(key)).toEqual({
        ...key,
        cursors: new Map([[channel, cursor(5)]]),
        begun: new Map(),
        lastSeenAt: START,
        expiresAt: START + KEPT_MS,
      });
    });

    it('goes forward and never back', async () => {
      await advance(cursor(5));
      expect(await advance(cursor(4))).toBe(false);
      expect(await advance(cursor(5))).toBe(false);
      expect(await cursorNow()).toEqual(cursor(5));
      expect(await advance(cursor(6))).toBe(true);
      expect(await cursorNow()).toEqual(cursor(6));
    });

    it('is at the highest of many that were set at the same time, in any order', async () => {
      const seqs = Array.from({ length: 20 }, (_, index) => ((index * 7) % 20) + 1);
      await Promise.all(seqs.map((seq) => advance(cursor(seq))));
      expect(await cursorNow()).toEqual(cursor(20));
    });

    it('begins anew only where there is none, or one of another epoch', async () => {
      expect(await advance(cursor(5), 'anew')).toBe(true);
      expect(await advance(cursor(9), 'anew')).toBe(false);
      expect(await cursorNow()).toEqual(cursor(5));
      const begun = async () => (await store.find(key))?.begun.get(channel);
      expect(await begun()).toEqual(cursor(5));
      await advance(cursor(6));
      expect(await begun()).toEqual(cursor(5));
      await advance(cursor(5));
      expect(await advance(cursor(0, 'epoch-2'), 'anew')).toBe(true);
      expect(await cursorNow()).toEqual(cursor(0, 'epoch-2'));
    });

    it('of another epoch is replaced, even by a lower seq', async () => {
      await advance(cursor(50));
      expect(await advance(cursor(2, 'epoch-2'))).toBe(true);
      expect(await cursorNow()).toEqual(cursor(2, 'epoch-2'));
    });

    it('may be set to 0', async () => {
      expect(await advance(cursor(0))).toBe(true);
      expect(await cursorNow()).toEqual(cursor(0));
    });

    it('stands beside those of other channels', async () => {
      await advance(cursor(5));
      await store.advance(key, 'topic:weather #1.[0]', { to: cursor(9, 'epoch-9') }, at(START));
      await advance(cursor(6));
      expect((await store.find(key))?.cursors).toEqual(
        new Map([
          [channel, cursor(6)],
          ['topic:weather #1.[0]', cursor(9, 'epoch-9')],
        ]),
      );
    });

    it('notes when it was seen when it moves', async () => {
      await advance(cursor(5));
      now = START + 60_000;
      await advance(cursor(6));
      expect((await store.find(key))?.lastSeenAt).toBe(now);
      now = START + KEPT_MS;
      expect(await cursorNow()).toEqual(cursor(6));
    });

    it('of an expired device counts for nothing, nor do its others', async () => {
      await advance(cursor(50));
      await store.advance(key, 'topic:weather', { to: cursor(9) }, at(START));
      now = START + KEPT_MS;
      expect(await advance(cursor(3))).toBe(true);
      expect((await store.find(key))?.cursors).toEqual(new Map([[channel, cursor(3)]]));
    });
  });

  describe('a device that is known', () => {
    it('is remembered for longer while its cursor stays where it stands', async () => {
      await advance(cursor(5));
      now = START + 60_000;
      expect(await advance(cursor(5), 'again')).toBe(true);
      expect(await store.find(key)).toMatchObject({ expiresAt: now + KEPT_MS });
      expect(await advance(cursor(4), 'again')).toBe(false);
      expect(await advance(cursor(5, 'epoch-2'), 'again')).toBe(false);
      expect(await cursorNow()).toEqual(cursor(5));
    });

    it('is forgotten on request, unless it was seen since, and the others stay', async () => {
      await advance(cursor(5));
      await store.touch({ ...key, deviceId: 'laptop' }, at(START));
      const listed = await store.find(key);
      if (!listed) throw new Error('no device');
      await store.touch(key, at(START + 1));
      await store.forget(listed);
      expect(await store.find(key)).toBeDefined();
      await store.forget({ ...listed, lastSeenAt: START + 1 });
      expect((await store.list(key.userId)).map(({ deviceId }) => deviceId)).toEqual(['laptop']);
    });
  });

  describe('what is not known yet', () => {
    const nothing = async () => {
      expect(await store.find(key)).toBeUndefined();
      expect(await store.list(key.userId)).toEqual([]);
      expect(await store.findFurthest(key.userId, channel)).toBeUndefined();
    };
    const tryAll = async (lastSeen: LastSeen) => {
      expect(await store.touch(key, lastSeen)).toBeUndefined();
      expect(await store.advance(key, channel, { to: cursor(5) }, lastSeen)).toBe(false);
      expect(await store.advance(key, channel, { to: cursor(5), from: 'anew' }, lastSeen)).toBe(false);
      expect(await store.enroll(key.userId, lastSeen)).toBeUndefined();
      await store.advanceFurthest(key.userId, channel, cursor(5), lastSeen);
      await store.recount(key.userId, 3);
    };

    it('does not begin on a connection that is gone', async () => {
      await connections.remove(on);
      await tryAll(at(START));
      await nothing();
    });

    it('does not begin on a connection that is being closed', async () => {
      await connections.markClosing(on, 'revoked', 'request-2');
      await tryAll(at(START));
      await nothing();
    });

    it('does not begin without a connection', async () => {
      await tryAll({ ...at(START), on: undefined });
      await nothing();
    });

    it('leaves what is known to move on all the same', async () => {
      await advance(cursor(5));
      await store.enroll(key.userId, at(START));
      await store.advanceFurthest(key.userId, channel, cursor(5), at(START));
      await connections.remove(on);
      expect(await advance(cursor(6))).toBe(true);
      await store.advanceFurthest(key.userId, channel, cursor(6), at(START));
      expect(await store.touch(key, at(START))).toMatchObject({ cursors: new Map([[channel, cursor(6)]]) });
      expect(await store.findFurthest(key.userId, channel)).toEqual(cursor(6));
      expect(await store.enroll(key.userId, at(START))).toMatchObject({ count: 2 });
    });
  });

  describe('the devices of a user', () => {
    it('come page by page, each once, in the order of their ids, none of them the summary', async () => {
      const ids = ['-', '0', 'A', 'Z', '_', 'a', 'z'];
      for (const deviceId of ids) await store.touch({ ...key, deviceId }, at(START));
      await store.enroll(key.userId, at(START));
      const paged: string[] = [];
      let after: string | undefined;
      do {
        const page = await store.page(key.userId, 3, after);
        expect(page.devices.length).toBeLessThanOrEqual(3);
        paged.push(...page.devices.map(({ deviceId }) => deviceId));
        after = page.next;
      } while (after !== undefined);
      expect(paged).toEqual(ids);
      expect(await store.list(key.userId)).toHaveLength(ids.length);
    });

    it('are counted as they come, and anew when somebody counts', async () => {
      expect(await store.enroll(key.userId, at(START))).toMatchObject({ count: 1 });
      expect(await store.enroll(key.userId, at(START))).toMatchObject({ count: 2 });
      await store.recount(key.userId, 7);
      expect(await store.enroll(key.userId, at(START))).toMatchObject({ count: 8 });
    });

    it('have a most advanced one, whose place is kept and never goes back', async () => {
      expect(await store.findFurthest(key.userId, channel)).toBeUndefined();
      for (const seq of [5, 9, 7]) {
        await store.advanceFurthest(key.userId, channel, cursor(seq), at(START));
      }
      expect(await store.findFurthest(key.userId, channel)).toEqual(cursor(9));
      expect((await store.enroll(key.userId, at(START)))?.furthest.get(channel)).toEqual(cursor(9));
      await store.advanceFurthest(key.userId, channel, cursor(2, 'epoch-2'), at(START));
      expect(await store.findFurthest(key.userId, channel)).toEqual(cursor(2, 'epoch-2'));
      expect(await store.list(key.userId)).toEqual([]);
    });
  });

  describe('a cursor moved only from a place', () => {
    it.each([
      ['at it', 5, true],
      ['between it and the target', 7, true],
      ['before it: a replay is under way', 4, false],
      ['at the target', 8, false],
      ['past the target', 9, false],
    ])('stands %s', async (_, stands, moves) => {
      await advance(cursor(stands));
      expect(await advance(cursor(8), 5)).toBe(moves);
      expect(await cursorNow()).toEqual(cursor(moves ? 8 : stands));
    });

    it('stays where there is none', async () => {
      expect(await advance(cursor(8), 0)).toBe(false);
      expect(await store.find(key)).toBeUndefined();
      await store.touch(key, at(START));
      expect(await advance(cursor(8), 0)).toBe(false);
      expect(await cursorNow()).toBeUndefined();
    });

    it('stays in another epoch', async () => {
      await advance(cursor(5));
      expect(await advance(cursor(8, 'epoch-2'), 5)).toBe(false);
      expect(await cursorNow()).toEqual(cursor(5));
    });

    it('stays on an expired device', async () => {
      await advance(cursor(5));
      now = START + KEPT_MS;
      expect(await advance(cursor(8), 5)).toBe(false);
      expect(await cursorNow()).toBeUndefined();
    });
  });
}
