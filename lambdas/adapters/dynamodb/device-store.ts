/** The devices and how far each has come in its channels, in DynamoDB. */
import type { DynamoDb, Operations } from '../../aws/dynamodb.ts';
import { Busy } from '../../domain/errors.ts';
import type { Device, DeviceKey, LastSeen, Position } from '../../domain/model.ts';
import type { CursorMove, DeviceStore } from '../../domain/ports.ts';
import { batchGet } from './batch-get.ts';
import { ifHolds, isFault, throwBusyIfThrottled } from './faults.ts';
import { queryAll } from './query-all.ts';
import {
  BEFORE_DEVICES,
  begunAttribute,
  begunChannel,
  cursorAttribute,
  cursorChannel,
  type DeviceRow,
  SUMMARY_ID,
  type SummaryRow,
  toMilliseconds,
  toSeconds,
} from './tables.ts';

/**
 * A row that should have been deleted must not lend its old cursors to the device that begins anew.
 */
const notExpired = '(attribute_not_exists(deviceId) OR expiresAt > :now)';
const expired = 'expiresAt <= :now';

/**
 * Acks arrive late and twice, and two Lambdas settle at once: the cursor only ever goes forward.
 */
const noCursorAhead = '(attribute_not_exists(#cursor) OR #cursor.epoch <> :epoch OR #cursor.seq < :seq)';

/**
 * Two connections of a new device both look where it should begin: the second must not move what
 * the first began.
 */
const noCursorYet = '(attribute_not_exists(#cursor) OR #cursor.epoch <> :epoch)';

/** An accepted live message must not jump the cursor over a replay that is still under way. */
const standsBetween = '(#cursor.epoch = :epoch AND #cursor.seq >= :from AND #cursor.seq < :seq)';

/** Remembers a device for longer, but never moves its cursor back: it may have moved meanwhile. */
const standsThere = '(#cursor.epoch = :epoch AND #cursor.seq = :seq)';

/** A device that has come back meanwhile is not forgotten. */
const notSeenSince = 'lastSeenAt = :lastSeenAt';

/**
 * A try that finds an expired row replaces it with a new one, so that the next try succeeds, unless
 * another Lambda writes in between.
 */
const MAX_TRIES = 4;

/** `partition`: the name of the table's partition key, which holds the `userId` of a key. */
export function createDeviceStore(
  dynamodb: DynamoDb,
  { tableName, partition = 'userId' }: { tableName: string; partition?: string },
  now: () => number,
): DeviceStore {
  const keyOf = ({ userId, deviceId }: DeviceKey) => ({ [partition]: userId, deviceId });
  const summaryKey = (userId: string) => keyOf({ userId, deviceId: SUMMARY_ID });
  const toDevice = (row: DeviceRow): Device => ({
    userId: (row as unknown as Record<string, string>)[partition] ?? '',
    deviceId: row.deviceId,
    cursors: cursorsOf(row),
    begun: positionsOf(row, begunChannel),
    lastSeenAt: row.lastSeenAt,
    expiresAt: toMilliseconds(row.expiresAt),
  });
  const isLive = ({ expiresAt }: DeviceRow) => toMilliseconds(expiresAt) > now();
  const isLiveDevice = (row: DeviceRow) => row.deviceId > BEFORE_DEVICES && isLive(row);
  const nowSeconds = () => Math.floor(now() / 1000);

  /** Undefined: the row has expired. */
  const touchLive = async (key: DeviceKey, lastSeen: LastSeen) =>
    await ifHolds(
      dynamodb.call('UpdateItem', {
        TableName: tableName,
        Key: keyOf(key),
        UpdateExpression: 'SET lastSeenAt = :lastSeenAt, expiresAt = if_not_exists(expiresAt, :expiresAt)',
        ConditionExpression: notExpired,
        ExpressionAttributeValues: { ...seen(lastSeen), ':now': nowSeconds() },
        ReturnValues: 'ALL_NEW',
      }),
    );

  const replaceExpired = async (key: DeviceKey, { lastSeenAt, expiresAt }: LastSeen) => {
    await ifHolds(
      dynamodb.call('PutItem', {
        TableName: tableName,
        Item: { ...keyOf(key), lastSeenAt, expiresAt: toSeconds(expiresAt) },
        ConditionExpression: expired,
        ExpressionAttributeValues: { ':now': nowSeconds() },
      }),
    );
  };

  return {
    async touch(key, lastSeen) {
      for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
        const updated = await touchLive(key, lastSeen);
        if (updated) return toDevice(updated.Attributes as DeviceRow);
        await replaceExpired(key, lastSeen);
      }
      throw new Busy(`${key.deviceId}: the device expires as it is seen`);
    },

    async find(key) {
      const get = { TableName: tableName, Key: keyOf(key), ConsistentRead: true };
      const { Item } = await throwBusyIfThrottled(dynamodb.call('GetItem', get));
      const row = Item as DeviceRow | undefined;
      return row && isLive(row) ? toDevice(row) : undefined;
    },

    async findAll(keys) {
      const rows = await batchGet<DeviceRow>(dynamodb, tableName, keys.map(keyOf));
      return rows.filter(isLiveDevice).map(toDevice);
    },

    async list(userId) {
      const rows = await queryAll<DeviceRow>(dynamodb, tableName, { name: partition, value: userId });
      return rows.filter(isLiveDevice).map(toDevice);
    },

    async page(userId, limit, after) {
      const { Items = [], LastEvaluatedKey } = await throwBusyIfThrottled(
        dynamodb.call('Query', {
          TableName: tableName,
          KeyConditionExpression: `${partition} = :userId`,
          ExpressionAttributeValues: { ':userId': userId },
          ConsistentRead: true,
          Limit: limit,
          ExclusiveStartKey: keyOf({ userId, deviceId: after ?? BEFORE_DEVICES }),
        }),
      );
      return {
        devices: (Items as DeviceRow[]).filter(isLiveDevice).map(toDevice),
        next: (LastEvaluatedKey as DeviceKey | undefined)?.deviceId,
      };
    },

    async forget(device) {
      await ifHolds(
        dynamodb.call('UpdateItem', {
          TableName: tableName,
          Key: keyOf(device),
          UpdateExpression: 'SET expiresAt = :now',
          ConditionExpression: notSeenSince,
          ExpressionAttributeValues: { ':now': nowSeconds(), ':lastSeenAt': device.lastSeenAt },
        }),
      );
    },

    async advance(key, channel, cursorMove, lastSeen) {
      for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
        const outcome = await move(key, channel, cursorMove, lastSeen);
        if (outcome !== 'expired') return outcome === 'moved';
        await replaceExpired(key, lastSeen);
      }
      throw new Busy(`${key.deviceId}: the device expires as it acknowledges`);
    },

    async enroll(userId, { expiresAt }) {
      const { Attributes } = await throwBusyIfThrottled(
        dynamodb.call('UpdateItem', {
          TableName: tableName,
          Key: summaryKey(userId),
          UpdateExpression:
            'SET deviceCount = if_not_exists(deviceCount, :none) + :one, expiresAt = :expiresAt',
          ExpressionAttributeValues: { ':none': 0, ':one': 1, ':expiresAt': toSeconds(expiresAt) },
          ReturnValues: 'ALL_NEW',
        }),
      );
      const summary = (Attributes ?? {}) as SummaryRow;
      return { count: summary.deviceCount ?? 1, furthest: cursorsOf(summary) };
    },

    async recount(userId, count) {
      await throwBusyIfThrottled(
        dynamodb.call('UpdateItem', {
          TableName: tableName,
          Key: summaryKey(userId),
          UpdateExpression: 'SET deviceCount = :count',
          ExpressionAttributeValues: { ':count': count },
        }),
      );
    },

    async findFurthest(userId, channel) {
      const get = { TableName: tableName, Key: summaryKey(userId), ConsistentRead: true };
      const { Item } = await throwBusyIfThrottled(dynamodb.call('GetItem', get));
      return cursorsOf((Item ?? {}) as SummaryRow).get(channel);
    },

    async advanceFurthest(userId, channel, to, { expiresAt }) {
      await ifHolds(
        dynamodb.call('UpdateItem', {
          TableName: tableName,
          Key: summaryKey(userId),
          UpdateExpression: 'SET #cursor = :to, expiresAt = :expiresAt',
          ConditionExpression: noCursorAhead,
          ExpressionAttributeNames: { '#cursor': cursorAttribute(channel) },
          ExpressionAttributeValues: {
            ':to': { epoch: to.epoch, seq: to.seq },
            ':epoch': to.epoch,
            ':seq': to.seq,
            ':expiresAt': toSeconds(expiresAt),
          },
        }),
      );
    },
  };

  async function move(
    key: DeviceKey,
    channel: string,
    { to, from }: CursorMove,
    lastSeen: LastSeen,
  ): Promise<'moved' | 'stayed' | 'expired'> {
    const isNew = from === 'anew';
    const update: Operations['UpdateItem']['input'] = {
      TableName: tableName,
      Key: keyOf(key),
      UpdateExpression: `SET #cursor = :to, lastSeenAt = :lastSeenAt, expiresAt = ${
        isNew ? 'if_not_exists(expiresAt, :expiresAt), #begun = :to' : ':expiresAt'
      }`,
      ConditionExpression: `${notExpired} AND ${mayMove(from)}`,
      ExpressionAttributeNames: {
        '#cursor': cursorAttribute(channel),
        ...(isNew && { '#begun': begunAttribute(channel) }),
      },
      ExpressionAttributeValues: {
        ...seen(lastSeen),
        ...(typeof from === 'number' && { ':from': from }),
        ...(!isNew && { ':seq': to.seq }),
        ':to': { epoch: to.epoch, seq: to.seq },
        ':epoch': to.epoch,
        ':now': nowSeconds(),
      },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    };
    try {
      await throwBusyIfThrottled(dynamodb.call('UpdateItem', update));
      return 'moved';
    } catch (error) {
      if (!isFault(error, 'ConditionalCheckFailedException')) throw error;
      const { expiresAt } = (error.Item ?? {}) as Partial<DeviceRow>;
      return expiresAt !== undefined && expiresAt <= nowSeconds() ? 'expired' : 'stayed';
    }
  }
}

function mayMove(from: CursorMove['from']): string {
  if (from === 'anew') return noCursorYet;
  if (from === 'again') return standsThere;
  return from === undefined ? noCursorAhead : standsBetween;
}

const seen = ({ lastSeenAt, expiresAt }: LastSeen) => ({
  ':lastSeenAt': lastSeenAt,
  ':expiresAt': toSeconds(expiresAt),
});

const cursorsOf = (row: DeviceRow | SummaryRow): ReadonlyMap<string, Position> =>
  positionsOf(row, cursorChannel);

/** By channel: what stands in the attributes of one kind. */
function positionsOf(row: object, channelOf: (attribute: string) => string | undefined) {
  const positions = new Map<string, Position>();
  for (const [attribute, value] of Object.entries(row)) {
    const channel = channelOf(attribute);
    if (channel !== undefined) positions.set(channel, value as Position);
  }
  return positions;
}
