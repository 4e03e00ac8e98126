/**
 * Who hears which channel, in DynamoDB. A user's own channel has no rows here: the connections' own
 * rows are its subscriptions.
 */
import type { CancellationReason, Conditional, DynamoDb, TransactWrite, Update } from '../../aws/dynamodb.ts';
import { Busy } from '../../domain/errors.ts';
import type { ConnectionKey, SubscriptionKey } from '../../domain/model.ts';
import type { Subscribed, SubscriptionStore } from '../../domain/ports/subscription-store.ts';
import { socketName } from '../../protocol/socket-names.ts';
import {
  cancellationReasons,
  ifHolds,
  isConditionFailed,
  isConflict,
  outlastTransactions,
  throwBusyIfThrottled,
} from './faults.ts';
import { createServing, stillThere } from './serving.ts';
import { subscriptionKey, subscriptionRowOf, toSubscription } from './subscription-rows.ts';
import { defined, type SubscriptionRow, type TableNames } from './tables.ts';
import { isOpen } from './while-open.ts';

const hasRoom = '(attribute_not_exists(channels) OR size(channels) < :max OR contains(channels, :name))';

/** If the connection hears the channel already, its row stays unchanged. */
const notYetSubscribed = 'attribute_not_exists(channel)';

/**
 * Removes only a subscription that rests on a membership. One that the client may have without it
 * stays, even if the client is asking for it at this moment.
 */
const heardAsMember = 'permitted = :no';

/** Nobody can subscribe as a member after the member's removal was answered. */
const isMember = 'attribute_exists(userId)';
/** Removing a member must not end a subscription that a later join has made. */
const isNoMember = 'attribute_not_exists(userId)';

const CONNECTION = 0;
const SUBSCRIPTION = 1;
const MEMBER = 2;

/** Another transaction, or a write of the connection's row, comes between. */
const MAX_TRIES = 8;

type SubscriptionTables = Pick<TableNames, 'connections' | 'subscriptions' | 'members'>;

export function createSubscriptionStore(
  dynamodb: DynamoDb,
  tables: SubscriptionTables,
  now: () => number,
): SubscriptionStore {
  const own = createServing(dynamodb, tables.connections, 'userId');
  const others = createServing(dynamodb, tables.subscriptions, 'channel');
  const servingOf = ({ channel }: SubscriptionKey) => (channel.kind === 'user' ? own : others);
  const isLive = ({ expiresAt }: { expiresAt: number }) => expiresAt > now();

  /** Why not, for each action; none: all of it happened. Rejects if any of it was throttled. */
  const attempt = async (TransactItems: TransactWrite[]): Promise<CancellationReason[]> => {
    try {
      await throwBusyIfThrottled(dynamodb.call('TransactWriteItems', { TransactItems }));
      return [];
    } catch (error) {
      const reasons = cancellationReasons(error);
      if (reasons.some(isConditionFailed) || reasons.some(isConflict)) return reasons;
      throw error;
    }
  };

  return {
    async find({ channel, connectionId }) {
      const { Item } = await throwBusyIfThrottled(
        dynamodb.call('GetItem', {
          TableName: tables.subscriptions,
          Key: subscriptionKey(channel.name, connectionId),
          ConsistentRead: true,
        }),
      );
      const subscription = Item && toSubscription(channel, Item as SubscriptionRow);
      return subscription && isLive(subscription) ? subscription : undefined;
    },

    async page(channel, { from, to }, limit) {
      const { Items = [], LastEvaluatedKey } = await throwBusyIfThrottled(
        dynamodb.call('Query', {
          TableName: tables.subscriptions,
          KeyConditionExpression: 'channel = :channel AND subscriber BETWEEN :from AND :to',
          ExpressionAttributeValues: { ':channel': channel.name, ':from': from, ':to': to },
          ConsistentRead: true,
          Limit: limit,
        }),
      );
      const last = (LastEvaluatedKey as SubscriptionRow | undefined)?.subscriber;
      return {
        subscriptions: (Items as SubscriptionRow[]).map((row) => toSubscription(channel, row)).filter(isLive),
        // BETWEEN is inclusive, so begin just after the last key: no key lies between the two.
        next: last === undefined ? undefined : `${last} `,
      };
    },

    async add(connection, channel, { maxChannels, asMember, permitted, readyAt, startsAt, requestId }) {
      const row = subscriptionRowOf(channel.name, connection, { permitted, readyAt, startsAt });
      const added = {
        UpdateExpression: 'ADD channels :channels',
        ConditionExpression: `${isOpen} AND ${hasRoom}`,
        ExpressionAttributeValues: {
          ':channels': new Set([channel.name]),
          ':max': maxChannels,
          ':name': channel.name,
        },
      };
      const put = {
        TableName: tables.subscriptions,
        Item: defined({ ...row, replayRequestId: requestId }),
        ConditionExpression: notYetSubscribed,
      };
      const member = asMember && memberCheck(connection.userId, asMember.topic, isMember);
      const failed = await transact(connection, added, { Put: put }, member);
      if (failed.size === 0) return 'subscribed';
      if (failed.has(MEMBER)) return 'no_member';
      // Look at the connection before the subscription: the row of a closed connection's
      // subscription may not be removed yet, and must not count as `already`.
      if (failed.has(CONNECTION)) return await whyNot(connection);
      return 'already';
    },

    async remove(key) {
      await removeIf(key, {});
    },

    removeFormerMember(key, topic) {
      const condition = { ConditionExpression: heardAsMember, ExpressionAttributeValues: { ':no': false } };
      return removeIf(key, condition, memberCheck(key.userId, topic, isNoMember));
    },

    permit: ({ channel, connectionId, deviceId }) =>
      others.update(
        subscriptionKey(channel.name, connectionId),
        // An anonymous device still begins where it began.
        deviceId === undefined ? 'SET permitted = :yes' : 'SET permitted = :yes REMOVE startsAt',
        { ':yes': true },
      ),

    begin({ channel, connectionId }, { readyAt, startsAt, request }) {
      const sets = [
        'readyAt = :readyAt',
        ...(startsAt ? ['startsAt = :startsAt'] : []),
        ...(request ? ['replayRequestId = :request', 'replayAfter = :after'] : []),
      ];
      return others.update(subscriptionKey(channel.name, connectionId), `SET ${sets.join(', ')}`, {
        ':readyAt': readyAt,
        ...(startsAt && { ':startsAt': { epoch: startsAt.epoch, seq: startsAt.seq } }),
        ...(request && { ':request': request.id, ':after': request.after }),
      });
    },

    markReady: (key, readyAt, startsAt) => servingOf(key).markReady(rowKeyOf(key), readyAt, startsAt),
    pause: (key, pause, by) => servingOf(key).pause(rowKeyOf(key), pause, by),
    resume: (key, pause) => servingOf(key).resume(rowKeyOf(key), pause),
    beginReplay: (key, lease) => servingOf(key).beginReplay(rowKeyOf(key), lease),
    endReplay: (key, end) => servingOf(key).endReplay(rowKeyOf(key), end),
    requestReconcile: (key, requestId, after) =>
      servingOf(key).requestReconcile(rowKeyOf(key), requestId, after),

    async announce(connectionId, channel, requestId) {
      const announce = {
        TableName: tables.connections,
        Key: { userId: socketName(connectionId), connectionId },
        UpdateExpression: 'SET replayRequestId = :request ADD news :news, announced :one',
        ConditionExpression: stillThere('userId'),
        ExpressionAttributeValues: { ':request': requestId, ':news': new Set([channel]), ':one': 1 },
      };
      return (await ifHolds(outlastTransactions(() => dynamodb.call('UpdateItem', announce)))) !== undefined;
    },
  };

  /**
   * Returns whether the condition held. A write waits for an `add` that a read does not see yet.
   */
  async function removeIf(
    { channel, userId, connectionId }: SubscriptionKey,
    condition: Conditional,
    member?: TransactWrite,
  ): Promise<boolean> {
    const row = {
      TableName: tables.subscriptions,
      Key: subscriptionKey(channel.name, connectionId),
      ...condition,
    };
    const removed = {
      UpdateExpression: 'DELETE channels :channels',
      ConditionExpression: stillThere('userId'),
      ExpressionAttributeValues: { ':channels': new Set([channel.name]) },
    };
    const failed = await transact({ userId, connectionId }, removed, { Delete: row }, member);
    if (failed.size === 0) return true;
    if (failed.has(SUBSCRIPTION) || failed.has(MEMBER)) return false;
    // The connection is gone: what is left is the subscription's row.
    return (await ifHolds(outlastTransactions(() => dynamodb.call('DeleteItem', row)))) !== undefined;
  }

  /**
   * All or nothing: what a connection hears, the row of a subscription, and a check of the member.
   * Returns which of them failed by their condition; none: all of it happened. Rejects with a
   * {@link Busy} where any part of it was throttled, or other writes came between each time.
   */
  async function transact(
    { userId, connectionId }: ConnectionKey,
    heard: Omit<Update, 'TableName' | 'Key'>,
    subscription: TransactWrite,
    member: TransactWrite | undefined,
  ): Promise<ReadonlySet<number>> {
    const TransactItems: TransactWrite[] = [];
    const Key = { userId, connectionId };
    TransactItems[CONNECTION] = { Update: { TableName: tables.connections, Key, ...heard } };
    TransactItems[SUBSCRIPTION] = subscription;
    if (member) TransactItems[MEMBER] = member;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const reasons = await attempt(TransactItems);
      const failed = reasons.flatMap((reason, index) => (isConditionFailed(reason) ? [index] : []));
      if (reasons.length === 0 || failed.length > 0) return new Set(failed);
    }
    throw new Busy(`${connectionId}: its row is written by others`);
  }

  function memberCheck(userId: string, topic: string, ConditionExpression: string): TransactWrite {
    const Key = { userId, topic };
    return { ConditionCheck: { TableName: tables.members, Key, ConditionExpression } };
  }

  async function whyNot({ userId, connectionId }: ConnectionKey): Promise<Subscribed> {
    const { Item } = await throwBusyIfThrottled(
      dynamodb.call('GetItem', {
        TableName: tables.connections,
        Key: { userId, connectionId },
        ConsistentRead: true,
      }),
    );
    return Item === undefined || 'bye' in Item ? 'closed' : 'too_many';
  }
}

const rowKeyOf = ({ channel, userId, connectionId }: SubscriptionKey) =>
  channel.kind === 'user' ? { userId, connectionId } : subscriptionKey(channel.name, connectionId);
