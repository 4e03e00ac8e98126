/** What every store of connections guarantees. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Connection, ConnectionKey } from '../../../../lambdas/domain/model.ts';
import type { ConnectionStore } from '../../../../lambdas/domain/ports.ts';

export interface ConnectionStoreHarness {
  store: ConnectionStore;
  /** The replay request that stands on a row. */
  pending(key: ConnectionKey): Promise<{ requestId: string; after: number | undefined } | undefined>;
}

const START = 1_795_939_441_000;

export function connectionStoreContract(create: (now: () => number) => ConnectionStoreHarness): void {
  let now: number;
  let userId: string;
  let store: ConnectionStore;
  let pending: ConnectionStoreHarness['pending'];

  beforeEach(() => {
    now = START;
    userId = `user-${randomUUID()}`;
    ({ store, pending } = create(() => now));
  });

  const connectionOf = (fields: Partial<Connection> = {}): Connection => ({
    userId,
    connectionId: 'Xk3vQf1_IAMCJ7w=',
    deviceId: 'phone',
    dialect: 'herald.v1',
    ackMode: 'client',
    handover: false,
    connectedAt: START + 7,
    tokenExpiresAt: START + 900_007,
    endpoint: 'https://abc123.execute-api.us-east-1.amazonaws.com/prod',
    readyAt: undefined,
    startsAt: undefined,
    paused: undefined,
    bye: undefined,
    expiresAt: START + 7_800_000,
    ...fields,
  });

  const added = async (fields: Partial<Connection> = {}) => {
    const connection = connectionOf(fields);
    await store.add(connection, 'request-1');
    return connection;
  };

  describe('reading', () => {
    it('returns a connection as it was added', async () => {
      const connection = await added({ readyAt: START + 8, bye: 'replaced' });
      expect(await store.find(connection)).toEqual(connection);
      expect(await store.list(userId)).toEqual([connection]);
    });

    it('keeps undefined what was undefined: an anonymous device that is not ready', async () => {
      const connection = await added({ deviceId: undefined });
      expect(await store.find(connection)).toStrictEqual(connection);
      expect(await store.list(userId)).toStrictEqual([connection]);
    });

    it('lists page by page, each as it stands when it is asked for', async () => {
      const ids = ['a', 'b', 'c', 'd', 'e'].map((name) => `Xk3vQf1_${name}=`);
      for (const connectionId of ids) await added({ connectionId });
      const read: string[][] = [];
      for await (const page of store.pages(userId, 2)) {
        read.push(page.map(({ connectionId }) => connectionId));
        if (read.length === 1) await store.remove({ userId, connectionId: 'Xk3vQf1_d=' });
      }
      expect(read.flat()).toEqual(ids.filter((id) => id !== 'Xk3vQf1_d='));
      expect(read[0]).toHaveLength(2);
      for (const page of read) expect(page.length).toBeLessThanOrEqual(2);
    });

    it('finds nothing where nothing was added', async () => {
      expect(await store.find({ userId, connectionId: 'none' })).toBeUndefined();
      expect(await store.list(userId)).toEqual([]);
    });

    it("lists a user's connections and no other's", async () => {
      const mine = [await added({ connectionId: 'a' }), await added({ connectionId: 'b' })];
      await added({ userId: `${userId}2`, connectionId: 'c' });
      expect(byId(await store.list(userId))).toEqual(mine);
    });

    it('lists all, also when they fill more than one page of 1 MB', async () => {
      const endpoint = `https://host/${'x'.repeat(60_000)}`;
      const ids = Array.from({ length: 40 }, (_, index) => `connection-${index + 10}`);
      await Promise.all(ids.map((connectionId) => added({ connectionId, endpoint })));
      expect(byId(await store.list(userId)).map(({ connectionId }) => connectionId)).toEqual(ids);
    });

    it('takes user ids as long as the protocol allows, in any script', async () => {
      const connection = await added({ userId: `${'🌱'.repeat(55)}${randomUUID()}` });
      expect(await store.find(connection)).toEqual(connection);
    });

    it('drops what has expired from every read, from that instant on', async () => {
      const connection = await added();
      now = connection.expiresAt - 1;
      expect(await store.find(connection)).toEqual(connection);
      expect(await store.list(userId)).toHaveLength(1);
      now = connection.expiresAt;
      expect(await store.find(connection)).toBeUndefined();
      expect(await store.list(userId)).toEqual([]);
    });
  });

  describe('adding', () => {
    it('asks for the first replay', async () => {
      expect(await pending(await added())).toEqual({ requestId: 'request-1', after: undefined });
    });

    it('twice changes nothing: a repeated write undoes nothing that happened since', async () => {
      const connection = await added();
      await store.markReady(connection, START + 9);
      await store.add(connection, 'request-1');
      expect(await store.find(connection)).toEqual({ ...connection, readyAt: START + 9 });
      expect(await pending(connection)).toBeUndefined();
    });
  });

  describe('removing', () => {
    it('forgets the connection and no other', async () => {
      const [one, other] = [await added({ connectionId: 'a' }), await added({ connectionId: 'b' })];
      await store.remove(one);
      expect(await store.find(one)).toBeUndefined();
      expect(await store.list(userId)).toEqual([other]);
    });

    it('of what is gone already does nothing', async () => {
      await store.remove({ userId, connectionId: 'none' });
    });

    it.each([
      ['markReady', (key: ConnectionKey) => store.markReady(key, START)],
      ['markClosing', (key: ConnectionKey) => store.markClosing(key, 'revoked', 'request')],
      ['requestReconcile', (key: ConnectionKey) => store.requestReconcile(key, 'request-2', 5)],
    ])('is final: a later %s does not bring it back', async (_, touch) => {
      const connection = await added();
      await store.remove(connection);
      await touch(connection);
      expect(await store.find(connection)).toBeUndefined();
      expect(await pending(connection)).toBeUndefined();
    });
  });

  describe('changing', () => {
    it('marks a connection ready and takes the request away, so that this change asks for nothing', async () => {
      const connection = await added();
      await store.requestReconcile(connection, 'request-2', 42);
      await store.markReady(connection, START + 9);
      expect(await store.find(connection)).toEqual({ ...connection, readyAt: START + 9 });
      expect(await pending(connection)).toBeUndefined();
    });

    it('keeps the first reason to close a connection', async () => {
      const connection = await added();
      await store.markClosing(connection, 'replaced', 'request');
      await store.markClosing(connection, 'revoked', 'request');
      expect(await store.find(connection)).toEqual({ ...connection, bye: 'replaced' });
    });

    it('asks for a replay from a seq, or from the cursor, as the newest request says', async () => {
      const connection = await added();
      await store.requestReconcile(connection, 'request-2', 0);
      expect(await pending(connection)).toEqual({ requestId: 'request-2', after: 0 });
      await store.requestReconcile(connection, 'request-3');
      expect(await pending(connection)).toEqual({ requestId: 'request-3', after: undefined });
      expect(await store.find(connection)).toEqual(connection);
    });

    it('takes a whole connection for a key', async () => {
      const connection = await added();
      await store.markReady(connection, START + 9);
      await store.requestReconcile(connection, 'request-2');
      await store.markClosing(connection, 'revoked', 'request');
      expect(await store.find(connection)).toEqual({ ...connection, readyAt: START + 9, bye: 'revoked' });
      await store.remove(connection);
      expect(await store.list(userId)).toEqual([]);
    });
  });

  describe('a pause', () => {
    it('begins once, whoever is refused, and ends when it is resumed', async () => {
      const connection = await added();
      const pauses = [START + 1, START + 2].map((at) =>
        store.pause(connection, { at, after: undefined }, randomUUID()),
      );
      expect((await Promise.all(pauses)).toSorted()).toEqual([false, true]);
      const { paused } = (await store.find(connection)) ?? {};
      if (!paused) throw new Error('not paused');
      expect(await store.resume(connection, paused)).toBe(true);
      expect(await store.find(connection)).toEqual(connection);
    });

    it('of an anonymous device keeps the smallest start, and ends only for who knows it', async () => {
      const connection = await added({ deviceId: undefined });
      expect(await store.pause(connection, { at: START, after: 5 }, randomUUID())).toBe(true);
      expect(await store.pause(connection, { at: START, after: 7 }, randomUUID())).toBe(false);
      expect(await store.resume(connection, { at: START, after: 5 })).toBe(true);
      expect(await store.pause(connection, { at: START, after: 5 }, randomUUID())).toBe(true);
      expect(await store.pause(connection, { at: START + 9, after: 3 }, randomUUID())).toBe(false);
      expect(await store.resume(connection, { at: START, after: 5 })).toBe(false);
      expect(await store.find(connection)).toMatchObject({ paused: { at: START, after: 3 } });
      expect(await store.resume(connection, { at: START, after: 3 })).toBe(true);
    });
  });

  describe('the lease of a replay', () => {
    const lease = (holder: string, after = 0, at = START) => ({ holder, after, now: at, until: at + 1000 });
    const end = (holder: string, through: number, goesOn = false) => ({
      holder,
      through,
      goesOn,
      requestId: `after ${holder}`,
    });

    it('has one holder at a time, and takes the request away', async () => {
      const connection = await added();
      const begun = ['a', 'b', 'c'].map((holder) => store.beginReplay(connection, lease(holder)));
      expect((await Promise.all(begun)).filter((outcome) => outcome === 'begun')).toHaveLength(1);
      expect(await pending(connection)).toBeUndefined();
    });

    it('is its holder’s still when the answer was lost and it asks again', async () => {
      const connection = await added();
      expect(await store.beginReplay(connection, lease('a'))).toBe('begun');
      expect(await store.beginReplay(connection, lease('a'))).toBe('begun');
    });

    it('lapses, and then ends for nobody but its new holder', async () => {
      const connection = await added();
      await store.beginReplay(connection, lease('a'));
      expect(await store.beginReplay(connection, lease('b', 0, START + 999))).not.toBe('begun');
      expect(await store.beginReplay(connection, lease('b', 0, START + 1000))).toBe('begun');
      await store.endReplay(connection, end('a', 9, true));
      expect(await pending(connection)).toBeUndefined();
      expect(await store.beginReplay(connection, lease('c', 0, START + 1000))).not.toBe('begun');
    });

    it('asks for nothing when it ends, nobody wants more, and it does not go on', async () => {
      const connection = await added();
      await store.beginReplay(connection, lease('a'));
      await store.endReplay(connection, end('a', 9));
      expect(await pending(connection)).toBeUndefined();
      expect(await store.beginReplay(connection, lease('b'))).toBe('begun');
    });

    it.each([
      [[], 9],
      [[20], 9],
      [[12, 4, 6], 4],
    ])('when it goes on at 9 and %j is wanted too, asks to go on at %i', async (wanted, next) => {
      const connection = await added();
      await store.beginReplay(connection, lease('a'));
      for (const after of wanted) await store.beginReplay(connection, lease('other', after));
      await store.endReplay(connection, end('a', 9, true));
      expect(await pending(connection)).toEqual({ requestId: 'after a', after: next });
    });

    it('asks for what another wanted meanwhile, also when it does not go on itself', async () => {
      const connection = await added();
      await store.beginReplay(connection, lease('a', 5));
      expect(await store.beginReplay(connection, lease('b', 2))).not.toBe('begun');
      await store.endReplay(connection, end('a', 9));
      expect(await pending(connection)).toEqual({ requestId: 'after a', after: 2 });
    });

    it('brings no closed connection back', async () => {
      const connection = await added();
      await store.beginReplay(connection, lease('a'));
      await store.remove(connection);
      await store.endReplay(connection, end('a', 9, true));
      await store.pause(connection, { at: START, after: 1 }, randomUUID());
      await store.resume(connection, { at: START, after: undefined });
      expect(await store.beginReplay(connection, lease('b'))).not.toBe('begun');
      expect(await store.find(connection)).toBeUndefined();
    });
  });
}

const byId = (connections: Connection[]): Connection[] =>
  connections.toSorted((one, other) => (one.connectionId < other.connectionId ? -1 : 1));
