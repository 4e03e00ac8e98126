/** The open connections, in DynamoDB. The stream of their table starts the reconciles. */
import type { DynamoDb } from '../../aws/dynamodb.ts';
import { allEnded } from '../../concurrency.ts';
import type { Connection, ConnectionKey } from '../../domain/model.ts';
import type { ConnectionStore } from '../../domain/ports/connection-store.ts';
import { DEFAULT_DIALECT } from '../../protocol/frames.ts';
import { createStarts, toStart } from './connection-starts.ts';
import { ifHolds, outlastTransactions, throwBusyIfThrottled } from './faults.ts';
import { queryAll, queryPages } from './query-all.ts';
import { stillThere, toServing, toServingRow } from './serving.ts';
import { subscriptionKey, subscriptionRowOf } from './subscription-rows.ts';
import { type ConnectionRow, defined, type TableNames, toMilliseconds, toSeconds } from './tables.ts';

/**
 * Our client sends a write again when its answer was lost. The second write must not undo what
 * happened since the first took effect.
 */
const notYetAdded = 'attribute_not_exists(userId)';
const notYetSubscribed = 'attribute_not_exists(channel)';

export function createConnectionStore(
  dynamodb: DynamoDb,
  { connections: tableName, subscriptions }: Pick<TableNames, 'connections' | 'subscriptions'>,
  now: () => number,
): ConnectionStore {
  const isLive = ({ expiresAt }: Connection) => expiresAt > now();

  /** A row that is left over lapses by itself, and whoever posts to it removes it. */
  const removeSubscriptions = async (
    { connectionId }: ConnectionKey,
    { channels }: Partial<ConnectionRow>,
  ) => {
    const removed = [...(channels ?? [])].map((channel) => {
      const Key = subscriptionKey(channel, connectionId);
      return outlastTransactions(() => dynamodb.call('DeleteItem', { TableName: subscriptions, Key }));
    });
    await allEnded(removed);
  };

  return {
    async add(connection, requestId) {
      // Write the subscriptions before the connection's row. Whoever finds that row and closes the
      // connection then finds the subscriptions to remove, too.
      for (const channel of connection.channels) {
        const put = {
          TableName: subscriptions,
          Item: subscriptionRowOf(channel, connection, { permitted: true }),
          ConditionExpression: notYetSubscribed,
        };
        await ifHolds(dynamodb.call('PutItem', put));
      }
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
      const { Attributes } = await outlastTransactions(() =>
        dynamodb.call('DeleteItem', { TableName: tableName, Key: keyOf(key), ReturnValues: 'ALL_OLD' }),
      );
      await removeSubscriptions(key, (Attributes ?? key) as Partial<ConnectionRow>);
    },

    async markClosing(key, code, requestId) {
      const mark = () =>
        dynamodb.call('UpdateItem', {
          TableName: tableName,
          Key: keyOf(key),
          UpdateExpression:
            'SET bye = if_not_exists(bye, :code), replayRequestId = :request REMOVE replayAfter',
          ConditionExpression: stillThere('userId'),
          ExpressionAttributeValues: { ':code': code, ':request': requestId },
          ReturnValues: 'ALL_NEW',
        });
      const marked = await ifHolds(outlastTransactions(mark));
      await removeSubscriptions(key, (marked?.Attributes ?? {}) as Partial<ConnectionRow>);
    },

    ...createStarts(dynamodb, tableName),
  };
}

/** Callers pass whole connections as keys. */
const keyOf = ({ userId, connectionId }: ConnectionKey) => ({ userId, connectionId });

/** The row of a connection, as a transaction may put it. */
export const toRow = (connection: Connection): ConnectionRow => ({
  userId: connection.userId,
  connectionId: connection.connectionId,
  deviceId: connection.deviceId,
  dialect: connection.dialect,
  ackMode: connection.ackMode,
  handover: connection.handover,
  connectedAt: connection.connectedAt,
  tokenExpiresAt: connection.tokenExpiresAt,
  endpoint: connection.endpoint,
  // DynamoDB keeps no empty set.
  channels: connection.channels.size > 0 ? connection.channels : undefined,
  ...toServingRow(connection),
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
  channels: row.channels ?? new Set(),
  ...toServing(row),
  ...toStart(row),
  bye: row.bye,
  expiresAt: toMilliseconds(row.expiresAt),
});
