/** The devices and how far each has come in its channels, in DynamoDB. */
import type { DynamoDb, Operations } from '../../aws/dynamodb.ts';
import { Busy } from '../../domain/errors.ts';
import type { Device, DeviceKey, LastSeen, Position } from '../../domain/model.ts';
import type { CursorMove, DeviceStore } from '../../domain/ports/device-store.ts';
import { ifHolds, isFault, outlastTransactions, throwBusyIfThrottled } from './faults.ts';
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
import type { PutOutcome, PutWhileOpen } from './while-open.ts';

/**
 * A row that should have been deleted must not lend its old cursors to the device that begins anew.
 * Nor does an update bring about a row that is not there.
 */
const notExpired = 'expiresAt > :now';
const expired = 'expiresAt <= :now';
const isThere = 'attribute_exists(userId)';
const notYetThere = 'attribute_not_exists(userId)';

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

/** Where the rows are: a table, and how it calls what identifies a device. */
export interface DeviceTable {
  tableName: string;
  /** The name of the sort key, which holds the `deviceId` of a key. */
  sort: 'deviceId' | 'channelDevice';
  /** The id of the row that keeps the most advanced device. */
  summaryIdOf: (channel: string) => string;
}

/** How devices stand in the rows of a table. */
export function deviceRowsOf({ sort }: DeviceTable, now: () => number) {
  const idOf = (row: object) => (row as Record<string, string>)[sort] ?? '';
  const isLive = ({ expiresAt }: DeviceRow) => toMilliseconds(expiresAt) > now();
  const toDevice = (row: DeviceRow): Device => ({
    userId: row.userId,
    deviceId: idOf(row),
    cursors: cursorsOf(row),
    begun: positionsOf(row, begunChannel),
    lastSeenAt: row.lastSeenAt,
    expiresAt: toMilliseconds(row.expiresAt),
  });
  return {
    keyOf: ({ userId, deviceId }: DeviceKey) => ({ userId, [sort]: deviceId }),
    idOf,
    isLive,
    toDevice,
    /** Those that are known; other rows may stand among them. */
    devicesIn: (rows: DeviceRow[]): Device[] =>
      rows.filter((row) => idOf(row) > BEFORE_DEVICES && isLive(row)).map(toDevice),
  };
}

export function createDeviceStore(
  dynamodb: DynamoDb,
  table: DeviceTable,
  putWhileOpen: PutWhileOpen,
  now: () => number,
): DeviceStore {
  const { tableName, summaryIdOf } = table;
  const { keyOf, idOf, isLive, toDevice, devicesIn } = deviceRowsOf(table, now);
  const summaryKey = (userId: string, channel: string) => keyOf({ userId, deviceId: summaryIdOf(channel) });
  const nowSeconds = () => Math.floor(now() / 1000);

  const touchLive = (key: DeviceKey, lastSeen: LastSeen) =>
    updateOrFind<DeviceRow>({
      TableName: tableName,
      Key: keyOf(key),
      UpdateExpression: 'SET lastSeenAt = :lastSeenAt',
      ConditionExpression: notExpired,
      ExpressionAttributeValues: { ':lastSeenAt': lastSeen.lastSeenAt, ':now': nowSeconds() },
      ReturnValues: 'ALL_NEW',
    });

  const replaceExpired = async (key: DeviceKey, { lastSeenAt, expiresAt }: LastSeen) => {
    const put = {
      TableName: tableName,
      Item: { ...keyOf(key), lastSeenAt, expiresAt: toSeconds(expiresAt) },
      ConditionExpression: expired,
      ExpressionAttributeValues: { ':now': nowSeconds() },
    };
    await ifHolds(outlastTransactions(() => dynamodb.call('PutItem', put)));
  };

  /** A row that is not there yet; only while the connection is open that the device is seen on. */
  const putNew = (key: object, attributes: object, { on }: LastSeen): Promise<PutOutcome> =>
    putWhileOpen(
      { TableName: tableName, Item: { ...key, ...attributes }, ConditionExpression: notYetThere },
      on,
    );

  return {
    async touch(key, lastSeen) {
      const { lastSeenAt, expiresAt } = lastSeen;
      for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
        const { updated, standing } = await touchLive(key, lastSeen);
        if (updated) return toDevice(updated);
        if (standing) await replaceExpired(key, lastSeen);
        else {
          const row = { lastSeenAt, expiresAt: toSeconds(expiresAt) };
          if ((await putNew(keyOf(key), row, lastSeen)) === 'refused') return undefined;
        }
      }
      throw new Busy(`${key.deviceId}: the device expires as it is seen`);
    },

    async find(key) {
      const get = { TableName: tableName, Key: keyOf(key), ConsistentRead: true };
      const { Item } = await throwBusyIfThrottled(dynamodb.call('GetItem', get));
      const row = Item as DeviceRow | undefined;
      return row && isLive(row) ? toDevice(row) : undefined;
    },

    async list(userId) {
      const rows = await queryAll<DeviceRow>(dynamodb, tableName, { name: 'userId', value: userId });
      return devicesIn(rows);
    },

    async page(userId, limit, after) {
      const { Items = [], LastEvaluatedKey } = await throwBusyIfThrottled(
        dynamodb.call('Query', {
          TableName: tableName,
          KeyConditionExpression: 'userId = :userId',
          ExpressionAttributeValues: { ':userId': userId },
          ConsistentRead: true,
          Limit: limit,
          ExclusiveStartKey: keyOf({ userId, deviceId: after ?? BEFORE_DEVICES }),
        }),
      );
      return {
        devices: devicesIn(Items as DeviceRow[]),
        next: LastEvaluatedKey && idOf(LastEvaluatedKey),
      };
    },

    async forget(device) {
      await updateOrFind({
        TableName: tableName,
        Key: keyOf(device),
        UpdateExpression: 'SET expiresAt = :now',
        ConditionExpression: notSeenSince,
        ExpressionAttributeValues: { ':now': nowSeconds(), ':lastSeenAt': device.lastSeenAt },
      });
    },

    async advance(key, channel, cursorMove, lastSeen) {
      for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
        const outcome = await move(key, channel, cursorMove, lastSeen);
        if (outcome === 'missing') {
          const put = await putMoved(key, channel, cursorMove, lastSeen);
          if (put !== 'exists') return put === 'put';
        } else if (outcome === 'expired') await replaceExpired(key, lastSeen);
        else return outcome === 'moved';
      }
      throw new Busy(`${key.deviceId}: the device expires as it acknowledges`);
    },

    async enroll(userId, lastSeen) {
      const expiresAt = toSeconds(lastSeen.expiresAt);
      const Key = keyOf({ userId, deviceId: SUMMARY_ID });
      for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
        const { updated } = await updateOrFind<SummaryRow>({
          TableName: tableName,
          Key,
          UpdateExpression:
            'SET deviceCount = if_not_exists(deviceCount, :none) + :one, expiresAt = :expiresAt',
          ConditionExpression: isThere,
          ExpressionAttributeValues: { ':none': 0, ':one': 1, ':expiresAt': expiresAt },
          ReturnValues: 'ALL_NEW',
        });
        if (updated) return { count: updated.deviceCount ?? 1, furthest: cursorsOf(updated) };
        const put = await putNew(Key, { deviceCount: 1, expiresAt }, lastSeen);
        if (put === 'put') return { count: 1, furthest: new Map() };
        if (put === 'refused') return undefined;
      }
      throw new Busy(`${userId}: the count of devices comes and goes`);
    },

    async recount(userId, count) {
      await updateOrFind({
        TableName: tableName,
        Key: keyOf({ userId, deviceId: SUMMARY_ID }),
        UpdateExpression: 'SET deviceCount = :count',
        ConditionExpression: isThere,
        ExpressionAttributeValues: { ':count': count },
      });
    },

    async findFurthest(userId, channel) {
      const get = { TableName: tableName, Key: summaryKey(userId, channel), ConsistentRead: true };
      const { Item } = await throwBusyIfThrottled(dynamodb.call('GetItem', get));
      return cursorsOf((Item ?? {}) as SummaryRow).get(channel);
    },

    async advanceFurthest(userId, channel, to, lastSeen) {
      const expiresAt = toSeconds(lastSeen.expiresAt);
      const Key = summaryKey(userId, channel);
      const cursor = { epoch: to.epoch, seq: to.seq };
      for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
        const { updated, standing } = await updateOrFind<SummaryRow>({
          TableName: tableName,
          Key,
          UpdateExpression: 'SET #cursor = :to, expiresAt = :expiresAt',
          ConditionExpression: `${isThere} AND ${noCursorAhead}`,
          ExpressionAttributeNames: { '#cursor': cursorAttribute(channel) },
          ExpressionAttributeValues: {
            ':to': cursor,
            ':epoch': to.epoch,
            ':seq': to.seq,
            ':expiresAt': expiresAt,
          },
        });
        if (updated || standing) return;
        const put = await putNew(Key, { [cursorAttribute(channel)]: cursor, expiresAt }, lastSeen);
        if (put !== 'exists') return;
      }
    },
  };

  /** `standing`: the row, where the condition did not hold. Neither: there is no row. */
  async function updateOrFind<Row>(
    update: Operations['UpdateItem']['input'],
  ): Promise<{ updated?: Row; standing?: Row }> {
    try {
      const { Attributes = {} } = await outlastTransactions(() =>
        dynamodb.call('UpdateItem', { ...update, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' }),
      );
      return { updated: Attributes as Row };
    } catch (error) {
      if (!isFault(error, 'ConditionalCheckFailedException')) throw error;
      return error.Item === undefined ? {} : { standing: error.Item as Row };
    }
  }

  /** A device that is not known yet. A move from a place, or `again`, is none for it. */
  async function putMoved(
    key: DeviceKey,
    channel: string,
    { to, from }: CursorMove,
    lastSeen: LastSeen,
  ): Promise<PutOutcome> {
    if (from !== undefined && from !== 'anew') return 'refused';
    const { lastSeenAt, expiresAt } = lastSeen;
    const position = { epoch: to.epoch, seq: to.seq };
    const cursor = {
      [cursorAttribute(channel)]: position,
      ...(from === 'anew' && { [begunAttribute(channel)]: position }),
    };
    return await putNew(keyOf(key), { ...cursor, lastSeenAt, expiresAt: toSeconds(expiresAt) }, lastSeen);
  }

  async function move(
    key: DeviceKey,
    channel: string,
    { to, from }: CursorMove,
    lastSeen: LastSeen,
  ): Promise<'moved' | 'stayed' | 'expired' | 'missing'> {
    const isNew = from === 'anew';
    const { updated, standing } = await updateOrFind<DeviceRow>({
      TableName: tableName,
      Key: keyOf(key),
      UpdateExpression: `SET #cursor = :to, lastSeenAt = :lastSeenAt, ${
        isNew ? '#begun = :to' : 'expiresAt = :expiresAt'
      }`,
      ConditionExpression: `${notExpired} AND ${mayMove(from)}`,
      ExpressionAttributeNames: {
        '#cursor': cursorAttribute(channel),
        ...(isNew && { '#begun': begunAttribute(channel) }),
      },
      ExpressionAttributeValues: {
        ':lastSeenAt': lastSeen.lastSeenAt,
        ...(typeof from === 'number' && { ':from': from }),
        ...(!isNew && { ':seq': to.seq, ':expiresAt': toSeconds(lastSeen.expiresAt) }),
        ':to': { epoch: to.epoch, seq: to.seq },
        ':epoch': to.epoch,
        ':now': nowSeconds(),
      },
    });
    if (updated) return 'moved';
    if (standing === undefined) return 'missing';
    return standing.expiresAt <= nowSeconds() ? 'expired' : 'stayed';
  }
}

function mayMove(from: CursorMove['from']): string {
  if (from === 'anew') return noCursorYet;
  if (from === 'again') return standsThere;
  return from === undefined ? noCursorAhead : standsBetween;
}

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
