/** The open connections, in DynamoDB. The stream of their table starts the reconciles. */
import type { DynamoDb, Operations } from '../../aws/dynamodb.ts';
import type { Connection, ConnectionKey } from '../../domain/model.ts';
import type { ConnectionStore } from '../../domain/ports.ts';
import { DEFAULT_DIALECT } from '../../protocol/frames.ts';
import { ifHolds, throwBusyIfThrottled } from './faults.ts';
import { queryAll, queryPages } from './query-all.ts';
import { type ConnectionRow, defined, toMilliseconds, toSeconds } from './tables.ts';

/**
 * Our client sends a write again when its answer was lost. The second write must not undo what
 * happened since the first took effect.
 */
const notYetAdded = 'attribute_not_exists(userId)';

/**
 * An update of a row that is gone would create it: a `$disconnect` or an eviction may come first.
 */
const stillOpen = 'attribute_exists(userId)';

/** Several publishers may be refused at once: only one of them has the connection tried again. */
const notPaused = '(attribute_not_exists(pausedAt) OR pausedBy = :by)';

/**
 * Publishers overtake each other: the replay of an anonymous device begins before the smallest seq
 * that the device lacks.
 */
const pausedFurtherOn = 'pausedAfter > :after';

/**
 * A publisher that was refused meanwhile wants a replay from further back than the one that has
 * just ended.
 */
const pausedThere = 'pausedAfter = :after';

/**
 * One replay at a time. A lease lapses, since its Lambda may die. If the answer to our write was
 * lost, the lease on the row is our own.
 */
const noReplay = '(attribute_not_exists(replayUntil) OR replayUntil <= :now OR replayHolder = :holder)';

/** If several replays are wanted, the replay that starts furthest back brings everything. */
const wantedFurtherOn =
  'attribute_exists(replayUntil) AND (attribute_not_exists(replayWanted) OR replayWanted > :after)';

/** A lease that lapsed may be another's by now. */
const isHolder = 'replayHolder = :holder';
const noneWanted = 'attribute_not_exists(replayWanted)';

/** Two writes that depend on each other, and another Lambda between them. */
const MAX_TRIES = 4;

export function createConnectionStore(
  dynamodb: DynamoDb,
  tableName: string,
  now: () => number,
): ConnectionStore {
  const isLive = ({ expiresAt }: Connection) => expiresAt > now();

  /** Undefined: the condition did not hold. */
  const updateIf = (
    key: ConnectionKey,
    change: Omit<Operations['UpdateItem']['input'], 'TableName' | 'Key'>,
  ) => ifHolds(dynamodb.call('UpdateItem', { TableName: tableName, Key: keyOf(key), ...change }));

  const findRow = async (key: ConnectionKey): Promise<ConnectionRow | undefined> => {
    const get = { TableName: tableName, Key: keyOf(key), ConsistentRead: true };
    const { Item } = await throwBusyIfThrottled(dynamodb.call('GetItem', get));
    return Item as ConnectionRow | undefined;
  };

  const update = async (key: ConnectionKey, UpdateExpression: string, values: Record<string, unknown>) => {
    await updateIf(key, {
      UpdateExpression,
      ConditionExpression: stillOpen,
      ExpressionAttributeValues: values,
    });
  };

  return {
    async add(connection, requestId) {
      const Item = defined({ ...toRow(connection), replayRequestId: requestId });
      await ifHolds(
        dynamodb.call('PutItem', { TableName: tableName, Item, ConditionExpression: notYetAdded }),
      );
    },

    async find(key) {
      const row = await findRow(key);
      const connection = row && fromRow(row);
      return connection && isLive(connection) ? connection : undefined;
    },

    async list(userId) {
      const rows = await queryAll<ConnectionRow>(dynamodb, tableName, { name: 'userId', value: userId });
      return rows.map(fromRow).filter(isLive);
    },

    async *pages(userId, limit) {
      const partition = { name: 'userId', value: userId };
      for await (const rows of queryPages<ConnectionRow>(dynamodb, tableName, partition, limit))
        yield rows.map(fromRow).filter(isLive);
    },

    async remove(key) {
      await throwBusyIfThrottled(dynamodb.call('DeleteItem', { TableName: tableName, Key: keyOf(key) }));
    },

    // Removes the request, so that the stream record of this write asks for nothing.
    async markReady(key, readyAt, startsAt) {
      const sets = startsAt ? 'SET readyAt = :readyAt, startsAt = :startsAt' : 'SET readyAt = :readyAt';
      await update(key, `${sets} REMOVE replayRequestId, replayAfter`, {
        ':readyAt': readyAt,
        ...(startsAt && { ':startsAt': { epoch: startsAt.epoch, seq: startsAt.seq } }),
      });
    },

    markClosing: (key, code, requestId) =>
      update(key, 'SET bye = if_not_exists(bye, :code), replayRequestId = :request REMOVE replayAfter', {
        ':code': code,
        ':request': requestId,
      }),

    async pause(key, { at, after }, by) {
      for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
        const paused = await updateIf(key, {
          UpdateExpression: `SET pausedAt = :at, pausedBy = :by${after === undefined ? '' : ', pausedAfter = :after'}`,
          ConditionExpression: `${stillOpen} AND ${notPaused}`,
          ExpressionAttributeValues: {
            ':at': at,
            ':by': by,
            ...(after !== undefined && { ':after': after }),
          },
        });
        if (paused || after === undefined) return paused !== undefined;
        const lowered = await updateIf(key, {
          UpdateExpression: 'SET pausedAfter = :after',
          ConditionExpression: `${stillOpen} AND ${pausedFurtherOn}`,
          ExpressionAttributeValues: { ':after': after },
        });
        if (lowered) return false;
        const row = await findRow(key);
        // It was resumed between the two: it is to be paused anew.
        if (row === undefined || row.pausedAt !== undefined) return false;
      }
      return false;
    },

    async resume(key, { after }) {
      const resumed = await updateIf(key, {
        UpdateExpression: 'REMOVE pausedAt, pausedAfter, pausedBy',
        ConditionExpression: after === undefined ? stillOpen : `${stillOpen} AND ${pausedThere}`,
        ...(after !== undefined && { ExpressionAttributeValues: { ':after': after } }),
      });
      return resumed !== undefined;
    },

    async beginReplay(key, { holder, after, now, until }) {
      for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
        const begun = await updateIf(key, {
          UpdateExpression:
            'SET replayHolder = :holder, replayUntil = :until REMOVE replayRequestId, replayAfter, replayWanted',
          ConditionExpression: `${stillOpen} AND ${noReplay}`,
          ExpressionAttributeValues: { ':holder': holder, ':until': until, ':now': now },
        });
        if (begun) return 'begun';
        const wanted = await updateIf(key, {
          UpdateExpression: 'SET replayWanted = :after',
          ConditionExpression: `${stillOpen} AND ${wantedFurtherOn}`,
          ExpressionAttributeValues: { ':after': after },
        });
        if (wanted) return 'wanted';
        const row = await findRow(key);
        // The other replay ended between the two: this one may begin.
        if (row === undefined || row.replayUntil !== undefined) return 'merged';
      }
      return 'merged';
    },

    async endReplay(key, { holder, through, goesOn, requestId }) {
      const free = 'REMOVE replayHolder, replayUntil, replayWanted';
      const request = { ':request': requestId, ':through': through };
      const endIf = (condition: string, sets: string, values: Record<string, unknown>) =>
        updateIf(key, {
          UpdateExpression: `${sets} ${free}`.trim(),
          ConditionExpression: `${isHolder} AND ${condition}`,
          ExpressionAttributeValues: { ':holder': holder, ...values },
        });
      const onward = 'SET replayRequestId = :request, replayAfter = :through';
      const ended = goesOn ? await endIf(noneWanted, onward, request) : await endIf(noneWanted, '', {});
      if (ended) return;
      const back = 'SET replayRequestId = :request, replayAfter = replayWanted';
      // What is wanted may be lowered between two of these.
      for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
        if (await endIf('replayWanted < :through', back, request)) return;
        if (await endIf('replayWanted >= :through', onward, request)) return;
        if ((await findRow(key))?.replayHolder !== holder) return;
      }
    },

    requestReconcile: (key, requestId, after) =>
      after === undefined
        ? update(key, 'SET replayRequestId = :request REMOVE replayAfter', { ':request': requestId })
        : update(key, 'SET replayRequestId = :request, replayAfter = :after', {
            ':request': requestId,
            ':after': after,
          }),
  };
}

/** Callers pass whole connections as keys. */
const keyOf = ({ userId, connectionId }: ConnectionKey) => ({ userId, connectionId });

const toRow = (connection: Connection): ConnectionRow => ({
  userId: connection.userId,
  connectionId: connection.connectionId,
  deviceId: connection.deviceId,
  dialect: connection.dialect,
  ackMode: connection.ackMode,
  handover: connection.handover,
  connectedAt: connection.connectedAt,
  tokenExpiresAt: connection.tokenExpiresAt,
  endpoint: connection.endpoint,
  readyAt: connection.readyAt,
  startsAt: connection.startsAt,
  pausedAt: connection.paused?.at,
  pausedAfter: connection.paused?.after,
  bye: connection.bye,
  expiresAt: toSeconds(connection.expiresAt),
});

const fromRow = (row: ConnectionRow): Connection => ({
  userId: row.userId,
  connectionId: row.connectionId,
  deviceId: row.deviceId,
  dialect: row.dialect ?? DEFAULT_DIALECT,
  ackMode: row.ackMode,
  handover: row.handover,
  connectedAt: row.connectedAt,
  tokenExpiresAt: row.tokenExpiresAt,
  endpoint: row.endpoint,
  readyAt: row.readyAt,
  startsAt: row.startsAt,
  paused: row.pausedAt === undefined ? undefined : { at: row.pausedAt, after: row.pausedAfter },
  bye: row.bye,
  expiresAt: toMilliseconds(row.expiresAt),
});
