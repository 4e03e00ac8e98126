/** The open connections, in DynamoDB. Its table's stream is what drives the replays. */
import type { DynamoDb } from '../../aws/dynamodb.ts';
import type { Connection, ConnectionKey } from '../../domain/model.ts';
import type { ConnectionStore } from '../../domain/ports.ts';
import { DEFAULT_DIALECT } from '../../protocol/frames.ts';
import { ifHolds, throwBusyIfThrottled } from './faults.ts';
import { queryAll, queryPages } from './query-all.ts';
import { type ConnectionRow, defined, toMilliseconds, toSeconds } from './tables.ts';

/** A write that is sent again because its answer was lost must not undo what happened since the first took effect. */
const notYetAdded = 'attribute_not_exists(userId)';

/** An update of a row that is gone would create it: a `$disconnect` or an eviction may come first. */
const stillOpen = 'attribute_exists(userId)';

export function createConnectionStore(
  dynamodb: DynamoDb,
  tableName: string,
  now: () => number,
): ConnectionStore {
  const isLive = ({ expiresAt }: Connection) => expiresAt > now();

  const update = async (key: ConnectionKey, UpdateExpression: string, values: Record<string, unknown>) => {
    await ifHolds(
      dynamodb.call('UpdateItem', {
        TableName: tableName,
        Key: keyOf(key),
        UpdateExpression,
        ConditionExpression: stillOpen,
        ExpressionAttributeValues: values,
      }),
    );
  };

  return {
    async add(connection, requestId) {
      const Item = defined({ ...toRow(connection), replayRequestId: requestId });
      await ifHolds(
        dynamodb.call('PutItem', { TableName: tableName, Item, ConditionExpression: notYetAdded }),
      );
    },

    async find(key) {
      const get = { TableName: tableName, Key: keyOf(key), ConsistentRead: true };
      const { Item } = await throwBusyIfThrottled(dynamodb.call('GetItem', get));
      const connection = Item && fromRow(Item as ConnectionRow);
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

    // It takes the request away, so that its own record in the stream asks for nothing.
    markReady: (key, readyAt) =>
      update(key, 'SET readyAt = :readyAt REMOVE replayRequestId, replayAfter', { ':readyAt': readyAt }),

    markClosing: (key, code, requestId) =>
      update(key, 'SET bye = if_not_exists(bye, :code), replayRequestId = :request REMOVE replayAfter', {
        ':code': code,
        ':request': requestId,
      }),

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
  bye: row.bye,
  expiresAt: toMilliseconds(row.expiresAt),
});
