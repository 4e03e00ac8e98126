/** What every store guarantees of how far a subscription is served: of own channels and of others alike. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  type Channel,
  type Connection,
  type SubscriptionKey,
  topicChannel,
  userChannel,
} from '../../../../lambdas/domain/model.ts';
import type { ConnectionStore } from '../../../../lambdas/domain/ports/connection-store.ts';
import type { SubscriptionStore } from '../../../../lambdas/domain/ports/subscription-store.ts';
import { type CreateHarness, connectionOf, START } from './harness.ts';

/** `own`: the channel of the connection's user, whose rows are those of the connections. */
export function servingContract(create: CreateHarness, which: 'own' | 'topic'): void {
  let channel: Channel;
  let connection: Connection;
  let connections: ConnectionStore;
  let subscriptions: SubscriptionStore;
  let pending: ReturnType<CreateHarness>['pending'];

  beforeEach(() => {
    const userId = `user-${randomUUID()}`;
    channel = which === 'own' ? userChannel(userId) : topicChannel(`news-${userId}`);
    connection = connectionOf(userId);
    ({ connections, subscriptions, pending } = create(() => START));
  });

  /** A new subscription, whose first reconcile is asked for. */
  const added = async (fields: Partial<Connection> = {}): Promise<SubscriptionKey> => {
    connection = { ...connection, ...fields };
    const { userId, connectionId } = connection;
    await connections.add(connection, 'request-1');
    if (which === 'topic') {
      const serving = { permitted: true, readyAt: undefined, startsAt: undefined, requestId: 'request-1' };
      await subscriptions.add(connection, channel, { maxChannels: 100, asMember: undefined, ...serving });
    }
    return { channel, userId, connectionId };
  };

  /** What stands on the row. */
  const read = async () => {
    const { userId, connectionId } = connection;
    return which === 'own'
      ? await connections.find(connection)
      : await subscriptions.find({ channel, userId, connectionId });
  };
  const remove = () => connections.remove(connection);

  it('begins not ready, and asks for its first reconcile', async () => {
    const key = await added();
    expect(await read()).toMatchObject({ readyAt: undefined, startsAt: undefined, paused: undefined });
    expect(await pending(key)).toEqual({ requestId: 'request-1', after: undefined });
  });

  describe('ready', () => {
    it('is marked, and takes the request away, so that this change asks for nothing', async () => {
      const key = await added();
      await subscriptions.requestReconcile(key, 'request-2', 42);
      const before = await read();
      await subscriptions.markReady(key, START + 9);
      expect(await read()).toEqual({ ...before, readyAt: START + 9 });
      expect(await pending(key)).toBeUndefined();
    });

    it('tells where an anonymous device began, and keeps it', async () => {
      const key = await added({ deviceId: undefined });
      const startsAt = { epoch: 'epoch-1', seq: 7 };
      await subscriptions.markReady(key, START + 9, startsAt);
      await subscriptions.markReady(key, START + 10);
      expect(await read()).toMatchObject({ readyAt: START + 10, startsAt });
    });
  });

  it('is reconciled from a seq, or from the cursor, as the newest request says', async () => {
    const key = await added();
    const before = await read();
    await subscriptions.requestReconcile(key, 'request-2', 0);
    expect(await pending(key)).toEqual({ requestId: 'request-2', after: 0 });
    await subscriptions.requestReconcile(key, 'request-3');
    expect(await pending(key)).toEqual({ requestId: 'request-3', after: undefined });
    expect(await read()).toEqual(before);
  });

  it('does not come back when it is gone', async () => {
    const key = await added();
    await remove();
    await subscriptions.markReady(key, START);
    await subscriptions.requestReconcile(key, 'request-2', 5);
    expect(await read()).toBeUndefined();
    expect(await pending(key)).toBeUndefined();
  });

  describe('a pause', () => {
    it('begins once, whoever is refused, and ends when it is resumed', async () => {
      const key = await added();
      const before = await read();
      const pauses = [START + 1, START + 2].map((at) =>
        subscriptions.pause(key, { at, after: undefined }, randomUUID()),
      );
      expect((await Promise.all(pauses)).toSorted()).toEqual([false, true]);
      const { paused } = (await read()) ?? {};
      if (!paused) throw new Error('not paused');
      expect(await subscriptions.resume(key, paused)).toBe(true);
      expect(await read()).toEqual(before);
    });

    it('of an anonymous device keeps the smallest start, and ends only for who knows it', async () => {
      const key = await added({ deviceId: undefined });
      expect(await subscriptions.pause(key, { at: START, after: 5 }, randomUUID())).toBe(true);
      expect(await subscriptions.pause(key, { at: START, after: 7 }, randomUUID())).toBe(false);
      expect(await subscriptions.resume(key, { at: START, after: 5 })).toBe(true);
      expect(await subscriptions.pause(key, { at: START, after: 5 }, randomUUID())).toBe(true);
      expect(await subscriptions.pause(key, { at: START + 9, after: 3 }, randomUUID())).toBe(false);
      expect(await subscriptions.resume(key, { at: START, after: 5 })).toBe(false);
      expect(await read()).toMatchObject({ paused: { at: START, after: 3 } });
      expect(await subscriptions.resume(key, { at: START, after: 3 })).toBe(true);
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
      const key = await added();
      const begun = ['a', 'b', 'c'].map((holder) => subscriptions.beginReplay(key, lease(holder)));
      expect((await Promise.all(begun)).filter((outcome) => outcome === 'begun')).toHaveLength(1);
      expect(await pending(key)).toBeUndefined();
    });

    it('is its holder’s still when the answer was lost and it asks again', async () => {
      const key = await added();
      expect(await subscriptions.beginReplay(key, lease('a'))).toBe('begun');
      expect(await subscriptions.beginReplay(key, lease('a'))).toBe('begun');
    });

    it('lapses, and then ends for nobody but its new holder', async () => {
      const key = await added();
      await subscriptions.beginReplay(key, lease('a'));
      expect(await subscriptions.beginReplay(key, lease('b', 0, START + 999))).not.toBe('begun');
      expect(await subscriptions.beginReplay(key, lease('b', 0, START + 1000))).toBe('begun');
      await subscriptions.endReplay(key, end('a', 9, true));
      expect(await pending(key)).toBeUndefined();
      expect(await subscriptions.beginReplay(key, lease('c', 0, START + 1000))).not.toBe('begun');
    });

    it('asks for nothing when it ends, nobody wants more, and it does not go on', async () => {
      const key = await added();
      await subscriptions.beginReplay(key, lease('a'));
      await subscriptions.endReplay(key, end('a', 9));
      expect(await pending(key)).toBeUndefined();
      expect(await subscriptions.beginReplay(key, lease('b'))).toBe('begun');
    });

    it.each([
      [[], 9],
      [[20], 9],
      [[12, 4, 6], 4],
    ])('when it goes on at 9 and %j is wanted too, asks to go on at %i', async (wanted, next) => {
      const key = await added();
      await subscriptions.beginReplay(key, lease('a'));
      for (const after of wanted) await subscriptions.beginReplay(key, lease('other', after));
      await subscriptions.endReplay(key, end('a', 9, true));
      expect(await pending(key)).toEqual({ requestId: 'after a', after: next });
    });

    it('asks for what another wanted meanwhile, also when it does not go on itself', async () => {
      const key = await added();
      await subscriptions.beginReplay(key, lease('a', 5));
      expect(await subscriptions.beginReplay(key, lease('b', 2))).not.toBe('begun');
      await subscriptions.endReplay(key, end('a', 9));
      expect(await pending(key)).toEqual({ requestId: 'after a', after: 2 });
    });

    it('brings no closed connection back', async () => {
      const key = await added();
      await subscriptions.beginReplay(key, lease('a'));
      await remove();
      await subscriptions.endReplay(key, end('a', 9, true));
      await subscriptions.pause(key, { at: START, after: 1 }, randomUUID());
      await subscriptions.resume(key, { at: START, after: undefined });
      expect(await subscriptions.beginReplay(key, lease('b'))).not.toBe('begun');
      expect(await read()).toBeUndefined();
    });
  });
}
