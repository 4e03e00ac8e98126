/** What every store of connections guarantees. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Connection, ConnectionKey } from '../../../../lambdas/domain/model.ts';
import { EVERYONE, topicChannel, userChannel } from '../../../../lambdas/domain/model.ts';
import type { ConnectionStore } from '../../../../lambdas/domain/ports/connection-store.ts';
import type { SubscriptionStore } from '../../../../lambdas/domain/ports/subscription-store.ts';
import { ownKey } from '../../../support/memory-tables.ts';
import { type CreateHarness, connectionOf, START } from './harness.ts';

export function connectionStoreContract(create: CreateHarness): void {
  let now: number;
  let userId: string;
  let store: ConnectionStore;
  let subscriptions: SubscriptionStore;
  let pending: (key: ConnectionKey) => Promise<{ requestId: string; after: number | undefined } | undefined>;

  beforeEach(() => {
    now = START;
    userId = `user-${randomUUID()}`;
    const harness = create(() => now);
    ({ connections: store, subscriptions } = harness);
    pending = (key) => harness.pending(ownKey(key));
  });

  const added = async (fields: Partial<Connection> = {}) => {
    const connection = connectionOf(userId, fields);
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
      await subscriptions.markReady(ownKey(connection), START + 9);
      await store.add(connection, 'request-1');
      expect(await store.find(connection)).toEqual({ ...connection, readyAt: START + 9 });
      expect(await pending(connection)).toBeUndefined();
    });
  });

  describe('what a connection hears besides its own channel', () => {
    const NEWS = topicChannel('news');
    const heard = async ({ connectionId }: ConnectionKey) => {
      const [everyone, news] = await Promise.all(
        [EVERYONE, NEWS].map((channel) => subscriptions.find({ channel, userId, connectionId })),
      );
      return { everyone, news };
    };
    const hearingBoth = async (fields: Partial<Connection> = {}) => {
      const connection = await added({ channels: new Set([EVERYONE.name]), ...fields });
      const serving = { permitted: true, readyAt: START, startsAt: undefined, requestId: undefined };
      const subscribing = { maxChannels: 100, asMember: undefined, ...serving };
      expect(await subscriptions.add(connection, NEWS, subscribing)).toBe('subscribed');
      return connection;
    };

    it('is written with it, and not yet ready: a publisher passes it by', async () => {
      const connection = await added({ channels: new Set([EVERYONE.name]) });
      expect(await store.find(connection)).toEqual(connection);
      const { everyone } = await heard(connection);
      const { channels, handover, ...kept } = connection;
      expect(everyone).toEqual({ ...kept, channel: EVERYONE, permitted: true });
      const key = { channel: EVERYONE, userId, connectionId: connection.connectionId };
      await subscriptions.begin(key, { readyAt: START + 1, startsAt: undefined, request: undefined });
      await store.add(connection, 'request-1');
      expect((await heard(connection)).everyone).toMatchObject({ readyAt: START + 1 });
    });

    it('stands on its row', async () => {
      const connection = await hearingBoth();
      const channels = new Set([EVERYONE.name, NEWS.name]);
      expect((await store.find(connection))?.channels).toEqual(channels);
      expect((await store.list(userId))[0]?.channels).toEqual(channels);
    });

    it('goes with it when it is removed, and no other connection’s', async () => {
      const connection = await hearingBoth();
      const other = await hearingBoth();
      await store.remove({ userId, connectionId: connection.connectionId });
      expect(await heard(connection)).toEqual({ everyone: undefined, news: undefined });
      expect(Object.values(await heard(other))).not.toContain(undefined);
    });

    it('goes also where the connection’s own row was never written, if it is told', async () => {
      const { connectionId } = connectionOf(userId);
      // Only the rows of what it hears, as after a fault between the two writes.
      await store.add(connectionOf(userId, { connectionId, channels: new Set([EVERYONE.name]) }), 'request');
      const key = { channel: EVERYONE, userId: `${userId}-2`, connectionId };
      await store.remove({ ...key, channels: new Set([EVERYONE.name]) });
      expect(await subscriptions.find(key)).toBeUndefined();
    });

    it('is gone before its closing was answered, so that no later publish reaches it', async () => {
      const connection = await hearingBoth();
      await store.markClosing(connection, 'revoked', 'request-2');
      expect(await heard(connection)).toEqual({ everyone: undefined, news: undefined });
      expect(await store.find(connection)).toMatchObject({ bye: 'revoked' });
      await store.markClosing(connection, 'revoked', 'request-3');
      expect(await pending(connection)).toEqual({ requestId: 'request-3', after: undefined });
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
      ['markReady', (key: ConnectionKey) => subscriptions.markReady(ownKey(key), START)],
      ['markClosing', (key: ConnectionKey) => store.markClosing(key, 'revoked', 'request')],
      [
        'requestReconcile',
        (key: ConnectionKey) => subscriptions.requestReconcile(ownKey(key), 'request-2', 5),
      ],
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
      await subscriptions.requestReconcile(ownKey(connection), 'request-2', 42);
      await subscriptions.markReady(ownKey(connection), START + 9);
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
      await subscriptions.requestReconcile(ownKey(connection), 'request-2', 0);
      expect(await pending(connection)).toEqual({ requestId: 'request-2', after: 0 });
      await subscriptions.requestReconcile(ownKey(connection), 'request-3');
      expect(await pending(connection)).toEqual({ requestId: 'request-3', after: undefined });
      expect(await store.find(connection)).toEqual(connection);
    });

    it('takes a whole connection for a key', async () => {
      const connection = await added();
      await subscriptions.markReady(ownKey(connection), START + 9);
      await subscriptions.requestReconcile(ownKey(connection), 'request-2');
      await store.markClosing(connection, 'revoked', 'request');
      expect(await store.find(connection)).toEqual({ ...connection, readyAt: START + 9, bye: 'revoked' });
      await store.remove(connection);
      expect(await store.list(userId)).toEqual([]);
    });
  });

  describe('the start of a connection', () => {
    const lease = (holder: string, now = START) => ({ holder, now, until: now + 1000 });
    const started = (by: string, until?: number) => ({
      ...{ by, readyAt: START + 5, startsAt: undefined, after: 3 },
      until,
    });
    const opened = async () => {
      const { connections, pending } = create(() => START);
      const connection = connectionOf(`user-${randomUUID()}`);
      await connections.add(connection, 'request-1');
      const key = { ...connection, channel: userChannel(connection.userId) };
      return { connections, connection, pending: () => pending(key) };
    };

    it('is one holder’s, again for the same, and another’s when the lease has lapsed', async () => {
      const { connections, connection, pending } = await opened();
      expect(await connections.beginStart(connection, lease('one'))).toBe(true);
      expect(await pending()).toBeUndefined();
      expect(await connections.beginStart(connection, lease('two'))).toBe(false);
      expect(await connections.beginStart(connection, lease('one'))).toBe(true);
      expect(await connections.find(connection)).toMatchObject({
        start: { by: 'one', until: START + 1000, after: undefined },
      });
      expect(await connections.beginStart(connection, lease('two', START + 1000))).toBe(true);
      expect(await connections.markStarted(connection, started('one'))).toBeUndefined();
      expect(await connections.markStarted(connection, started('two'))).toEqual({ wanted: undefined });
    });

    it('ends with ready, or goes on with its replay under the same lease', async () => {
      for (const until of [undefined, START + 9000]) {
        const { connections, connection } = await opened();
        await connections.beginStart(connection, lease('one'));
        await connections.markStarted(connection, started('one', until));
        expect(await connections.find(connection)).toMatchObject({
          readyAt: START + 5,
          start: { by: 'one', until, after: 3 },
        });
        expect(await connections.beginStart(connection, lease('two', START + 60_000))).toBe(false);
      }
    });

    it('is told from where a sync wants its replay: the furthest back, while it is under way', async () => {
      const { connections, connection } = await opened();
      expect(await connections.wantStartAfter(connection, 7)).toBe(false);
      await connections.beginStart(connection, lease('one'));
      expect(await connections.wantStartAfter(connection, 7)).toBe(true);
      expect(await connections.wantStartAfter(connection, 8)).toBe(false);
      expect(await connections.wantStartAfter(connection, 2)).toBe(true);
      expect(await connections.markStarted(connection, started('one'))).toEqual({ wanted: 2 });
      expect(await connections.wantStartAfter(connection, 1)).toBe(false);
    });

    it('is nobody’s when the connection is being closed, or gone', async () => {
      const { connections, connection } = await opened();
      await connections.markClosing(connection, 'revoked', 'request-2');
      expect(await connections.beginStart(connection, lease('one'))).toBe(false);
      await connections.remove(connection);
      expect(await connections.beginStart(connection, lease('one'))).toBe(false);
      expect(await connections.find(connection)).toBeUndefined();
    });
  });
}

const byId = (connections: Connection[]): Connection[] =>
  connections.toSorted((one, other) => (one.connectionId < other.connectionId ? -1 : 1));
