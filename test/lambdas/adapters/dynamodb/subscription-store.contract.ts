/** What every store of subscriptions guarantees of who hears which channel. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { subscriberOf } from '../../../../lambdas/adapters/dynamodb/subscription-rows.ts';
import {
  type Connection,
  type Member,
  type Subscription,
  topicChannel,
  userChannel,
} from '../../../../lambdas/domain/model.ts';
import {
  ALL_SUBSCRIBERS,
  type SubscriberRange,
  type Subscribing,
} from '../../../../lambdas/domain/ports/subscription-store.ts';
import { leftOver } from '../../../../lambdas/domain/publish/ranges.ts';
import type { TopicChannel } from '../../../../lambdas/protocol/channel.ts';
import { type CreateHarness, connectionOf, type Harness, START } from './harness.ts';

const SUBSCRIBING: Subscribing = {
  maxChannels: 100,
  asMember: undefined,
  permitted: true,
  readyAt: START,
  startsAt: undefined,
  requestId: undefined,
};

export function subscriptionStoreContract(create: CreateHarness): void {
  let now: number;
  let userId: string;
  let news: TopicChannel;
  let stores: Harness;

  beforeEach(() => {
    now = START;
    userId = `user-${randomUUID()}`;
    news = topicChannel(`news-${randomUUID()}`);
    stores = create(() => now);
  });

  const opened = async (fields: Partial<Connection> = {}): Promise<Connection> => {
    const connection = connectionOf(userId, fields);
    await stores.connections.add(connection, 'request-1');
    return connection;
  };
  const subscribe = (connection: Connection, over: Partial<Subscribing> = {}, channel = news) =>
    stores.subscriptions.add(connection, channel, { ...SUBSCRIBING, ...over });
  const keyOf = ({ connectionId }: Connection, channel = news) => ({ channel, userId, connectionId });
  const find = (connection: Connection, channel = news) =>
    stores.subscriptions.find(keyOf(connection, channel));
  const channelsOf = async (connection: Connection) => (await stores.connections.find(connection))?.channels;
  const joined = async (topic = news.topic): Promise<Member> =>
    await stores.members.add({ userId, topic, joinedAt: START, joined: { epoch: 'epoch-1', seq: 3 } });

  describe('subscribing', () => {
    it('keeps what a publisher must know of the connection, and notes the channel on its row', async () => {
      const connection = await opened();
      const startsAt = { epoch: 'epoch-1', seq: 7 };
      expect(await subscribe(connection, { startsAt })).toBe('subscribed');
      const { channels, handover, ...kept } = connection;
      expect(await find(connection)).toEqual({
        ...kept,
        channel: news,
        permitted: true,
        readyAt: START,
        startsAt,
      });
      expect(await channelsOf(connection)).toEqual(new Set([news.name]));
    });

    it('keeps undefined what was undefined: an anonymous device that is not ready', async () => {
      const connection = await opened({ deviceId: undefined });
      await subscribe(connection, { permitted: false, readyAt: undefined });
      const subscription = await find(connection);
      const absent = { deviceId: undefined, readyAt: undefined, startsAt: undefined, paused: undefined };
      expect(subscription).toMatchObject({ ...absent, permitted: false });
    });

    it('asks for a reconcile where the caller does not serve it', async () => {
      const [served, asked] = [await opened(), await opened()];
      await subscribe(served);
      await subscribe(asked, { requestId: 'request-2' });
      expect(await stores.pending(keyOf(served))).toBeUndefined();
      expect(await stores.pending(keyOf(asked))).toEqual({ requestId: 'request-2', after: undefined });
    });

    it('twice changes nothing', async () => {
      const connection = await opened();
      await subscribe(connection);
      const first = await find(connection);
      const again = { permitted: false, readyAt: START + 9, requestId: 'request-2' };
      expect(await subscribe(connection, again)).toBe('already');
      expect(await find(connection)).toEqual(first);
      expect(await stores.pending(keyOf(connection))).toBeUndefined();
    });

    it('is too late for a connection that is gone', async () => {
      const connection = await opened();
      await stores.connections.remove(connection);
      expect(await subscribe(connection)).toBe('closed');
      expect(await find(connection)).toBeUndefined();
      expect(await channelsOf(connection)).toBeUndefined();
    });

    it('is too late for a connection that is being closed, whatever it heard', async () => {
      const connection = await opened();
      await subscribe(connection);
      await stores.connections.markClosing(connection, 'revoked', 'request-2');
      expect(await subscribe(connection)).toBe('closed');
      const other = topicChannel(`other-${randomUUID()}`);
      expect(await subscribe(connection, {}, other)).toBe('closed');
      expect(await find(connection)).toBeUndefined();
      expect(await find(connection, other)).toBeUndefined();
    });

    it('has a limit, which what is heard already is within', async () => {
      const connection = await opened();
      const [one, two, three] = ['1', '2', '3'].map((name) => topicChannel(`${news.topic}-${name}`));
      const most = { maxChannels: 2 };
      expect(await subscribe(connection, most, one)).toBe('subscribed');
      expect(await subscribe(connection, most, two)).toBe('subscribed');
      expect(await subscribe(connection, most, three)).toBe('too_many');
      expect(await subscribe(connection, most, two)).toBe('already');
      expect(await find(connection, three)).toBeUndefined();
      expect((await channelsOf(connection))?.size).toBe(2);
      if (one) await stores.subscriptions.remove(keyOf(connection, one));
      expect(await subscribe(connection, most, three)).toBe('subscribed');
    });

    it('as a member is for members only, and a removal that was answered cannot be overtaken', async () => {
      const connection = await opened();
      const member = await joined();
      await stores.members.remove(userId, news.topic);
      expect(await subscribe(connection, { asMember: member })).toBe('no_member');
      expect(await find(connection)).toBeUndefined();
      expect(await channelsOf(connection)).toEqual(new Set());
      await joined();
      expect(await subscribe(connection, { asMember: member })).toBe('subscribed');
    });

    it('of several channels at once loses none', async () => {
      const connection = await opened();
      const channels = Array.from({ length: 6 }, (_none, index) => topicChannel(`${news.topic}-${index}`));
      const outcomes = await Promise.all(channels.map((channel) => subscribe(connection, {}, channel)));
      expect(outcomes).toEqual(channels.map(() => 'subscribed'));
      expect(await channelsOf(connection)).toEqual(new Set(channels.map(({ name }) => name)));
    });

    it('several times at once to the same channel makes one subscription', async () => {
      const connection = await opened();
      const outcomes = await Promise.all([1, 2, 3, 4].map(() => subscribe(connection)));
      expect(outcomes.toSorted()).toEqual(['already', 'already', 'already', 'subscribed']);
      expect(await channelsOf(connection)).toEqual(new Set([news.name]));
    });

    it('while the connection is being closed leaves no row behind', async () => {
      const connections = await Promise.all(Array.from({ length: 8 }, () => opened()));
      await Promise.all(
        connections.flatMap((connection) => [
          subscribe(connection),
          stores.connections.markClosing(connection, 'revoked', 'request-2'),
        ]),
      );
      expect(await Promise.all(connections.map((connection) => find(connection)))).toEqual(
        connections.map(() => undefined),
      );
    });
  });

  describe('unsubscribing', () => {
    it('takes the row and its note away, and leaves other channels and connections alone', async () => {
      const [connection, other] = [await opened(), await opened()];
      const sports = topicChannel(`sports-${randomUUID()}`);
      await subscribe(connection);
      await subscribe(connection, {}, sports);
      await subscribe(other);
      await stores.subscriptions.remove(keyOf(connection));
      expect(await find(connection)).toBeUndefined();
      expect(await channelsOf(connection)).toEqual(new Set([sports.name]));
      expect(await find(connection, sports)).toBeDefined();
      expect(await find(other)).toBeDefined();
    });

    it('as a former member ends what was heard as a member, and nothing else', async () => {
      const connection = await opened();
      const member = await joined();
      await subscribe(connection, { asMember: member, permitted: false });
      const leave = () => stores.subscriptions.removeFormerMember(keyOf(connection), news.topic);
      // The user joined again before this one came.
      expect(await leave()).toBe(false);
      await stores.members.remove(userId, news.topic);
      expect(await leave()).toBe(true);
      expect(await find(connection)).toBeUndefined();
      expect(await channelsOf(connection)).toEqual(new Set());
      await subscribe(connection);
      expect(await leave()).toBe(false);
      expect(await find(connection)).toMatchObject({ permitted: true });
    });

    it('from what is not heard does nothing', async () => {
      const connection = await opened();
      await stores.subscriptions.remove(keyOf(connection));
      expect(await stores.connections.find(connection)).toEqual(connection);
    });

    it('takes what was left over of a connection that is gone, and brings that one not back', async () => {
      const connection = await opened();
      const leftOver = { ...connection, channels: new Set(['everyone']) };
      await stores.connections.remove(connection);
      await stores.connections.add(leftOver, 'request-1');
      await subscribe(leftOver);
      // As a `remove` would leave it that died half-way.
      await stores.connections.remove({ ...keyOf(connection), channels: new Set() });
      await stores.subscriptions.remove(keyOf(connection));
      expect(await find(connection)).toBeUndefined();
      expect(await stores.connections.find(connection)).toBeUndefined();
    });
  });

  describe('a subscription', () => {
    it('is permitted from then on, and reaches back as far as messages are kept', async () => {
      const connection = await opened();
      await subscribe(connection, { permitted: false, startsAt: { epoch: 'epoch-1', seq: 3 } });
      await stores.subscriptions.permit((await find(connection)) as Subscription);
      expect(await find(connection)).toMatchObject({ permitted: true, startsAt: undefined });
    });

    it('of an anonymous device begins where it began, permitted or not', async () => {
      const connection = await opened({ deviceId: undefined });
      const startsAt = { epoch: 'epoch-1', seq: 3 };
      await subscribe(connection, { permitted: false, startsAt });
      await stores.subscriptions.permit((await find(connection)) as Subscription);
      expect(await find(connection)).toMatchObject({ permitted: true, startsAt });
    });

    it('begins when its connection is ready, and is reconciled where it is behind', async () => {
      const [behind, level] = [await opened({ deviceId: undefined }), await opened()];
      for (const connection of [behind, level]) await subscribe(connection, { readyAt: undefined });
      const startsAt = { epoch: 'epoch-1', seq: 5 };
      await stores.subscriptions.begin(keyOf(behind), {
        readyAt: START + 1,
        startsAt,
        request: { id: 'request-2', after: 4 },
      });
      const begin = { readyAt: START + 2, startsAt: undefined, request: undefined };
      await stores.subscriptions.begin(keyOf(level), begin);
      expect(await find(behind)).toMatchObject({ readyAt: START + 1, startsAt });
      expect(await find(level)).toMatchObject({ readyAt: START + 2, startsAt: undefined });
      expect(await stores.pending(keyOf(behind))).toMatchObject({ requestId: 'request-2', after: 4 });
      expect(await stores.pending(keyOf(level))).toBeUndefined();
    });

    it('that is gone is neither permitted nor begun', async () => {
      const connection = await opened();
      await subscribe(connection);
      const subscription = (await find(connection)) as Subscription;
      await stores.subscriptions.remove(keyOf(connection));
      await stores.subscriptions.permit(subscription);
      const begin = { readyAt: START, startsAt: undefined, request: { id: 'request-2', after: 4 } };
      await stores.subscriptions.begin(keyOf(connection), begin);
      expect(await find(connection)).toBeUndefined();
      expect(await stores.pending(keyOf(connection))).toBeUndefined();
    });

    it('that has expired is dropped from every read, from that instant on', async () => {
      const connection = await opened();
      await subscribe(connection);
      now = connection.expiresAt - 1;
      expect(await find(connection)).toBeDefined();
      expect(await read(ALL_SUBSCRIBERS, 10)).toHaveLength(1);
      now = connection.expiresAt;
      expect(await find(connection)).toBeUndefined();
      expect(await read(ALL_SUBSCRIBERS, 10)).toEqual([]);
    });

    it('to the user’s own channel has no row here', async () => {
      const connection = await opened();
      const { connectionId } = connection;
      const key = { channel: userChannel(userId), userId, connectionId };
      expect(await stores.subscriptions.find(key)).toBeUndefined();
    });
  });

  /** All pages of a range. */
  async function read(range: SubscriberRange, limit: number): Promise<Subscription[]> {
    const read: Subscription[] = [];
    for (let from: string | undefined = range.from; from !== undefined; ) {
      const page = await stores.subscriptions.page(news, { from, to: range.to }, limit);
      expect(page.subscriptions.length).toBeLessThanOrEqual(limit);
      read.push(...page.subscriptions);
      from = page.next;
    }
    return read;
  }

  describe('the subscribers of a channel', () => {
    const many = async (count: number): Promise<string[]> => {
      const connections = await Promise.all(Array.from({ length: count }, () => opened()));
      await Promise.all(connections.map((connection) => subscribe(connection)));
      return connections.map(({ connectionId }) => connectionId);
    };
    const ids = (subscriptions: Subscription[]) => subscriptions.map(({ connectionId }) => connectionId);
    const inOrder = (connectionIds: string[]) =>
      connectionIds.toSorted((one, other) => (subscriberOf(one) < subscriberOf(other) ? -1 : 1));

    it('are none where nobody subscribed', async () => {
      const page = await stores.subscriptions.page(news, ALL_SUBSCRIBERS, 10);
      expect(page).toEqual({ subscriptions: [], next: undefined });
    });

    it.each([1, 7, 100])('are read in the order of their hashes, page by page of %i', async (limit) => {
      const subscribed = await many(21);
      expect(ids(await read(ALL_SUBSCRIBERS, limit))).toEqual(inOrder(subscribed));
    });

    it('are whole subscriptions, of this channel alone', async () => {
      const connection = await opened();
      await subscribe(connection);
      await subscribe(connection, {}, topicChannel(`${news.topic}2`));
      expect(await read(ALL_SUBSCRIBERS, 10)).toEqual([await find(connection)]);
    });

    it('are each in exactly one of a page and the ranges that its rest is cut into', async () => {
      const subscribed = await many(60);
      const page = await stores.subscriptions.page(news, ALL_SUBSCRIBERS, 4);
      const { ranges, estimate } = leftOver(page);
      expect(estimate).toBeGreaterThan(0);
      // As of a far larger channel, cut in three.
      const [{ from } = { from: '' }] = ranges;
      const cut: SubscriberRange[] = [
        { from, to: '55555555' },
        { from: '55555555', to: 'aaaaaaaa' },
        { from: 'aaaaaaaa', to: ALL_SUBSCRIBERS.to },
      ];
      for (const parts of [ranges, cut]) {
        const served = [...page.subscriptions];
        for (const range of parts) served.push(...(await read(range, 5)));
        expect(ids(served)).toEqual(inOrder(subscribed));
      }
    });

    it('that go while they are read are not missed for it', async () => {
      const subscribed = inOrder(await many(10));
      const page = await stores.subscriptions.page(news, ALL_SUBSCRIBERS, 4);
      const [last, next] = subscribed.slice(3, 5);
      for (const connectionId of [last, next])
        await stores.subscriptions.remove({ channel: news, userId, connectionId: connectionId ?? '' });
      const rest = await read({ from: page.next ?? '', to: ALL_SUBSCRIBERS.to }, 4);
      expect(ids(rest)).toEqual(subscribed.slice(5));
    });
  });
}
