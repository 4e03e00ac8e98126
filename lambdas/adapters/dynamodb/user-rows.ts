/** What is kept of a user, in DynamoDB, as erasing takes it away: each kind by its user. */
import type { DynamoDb } from '../../aws/dynamodb.ts';
import { mapConcurrently } from '../../concurrency.ts';
import type { UserRows } from '../../domain/ports/user-rows.ts';
import { userChannel } from '../../protocol/channel.ts';
import { headAsRead } from './append-transaction.ts';
import { createConnectionStore } from './connection-store.ts';
import { ifHolds, outlastTransactions, throwBusyIfThrottled } from './faults.ts';
import { headKey } from './message-rows.ts';
import { queryAll } from './query-all.ts';
import { socketKey } from './socket-rows.ts';
import { type ConnectionRow, HEAD_SEQ, TABLES, type TableNames, toMilliseconds } from './tables.ts';

/** One partition takes 1,000 writes a second: these need a few milliseconds each. */
const CONCURRENT_DELETES = 10;

export function createUserRows(dynamodb: DynamoDb, tables: TableNames, now: () => number): UserRows {
  const connections = createConnectionStore(dynamodb, tables, now);

  const removeRow = (TableName: string, Key: object, condition = {}) =>
    outlastTransactions(() => dynamodb.call('DeleteItem', { TableName, Key: { ...Key }, ...condition }));

  return {
    async remove(userId, kind, limit) {
      const { partition, sort } = TABLES[kind];
      if (sort === undefined) throw new Error(`${kind} is no table of several rows a user`);
      const isLog = partition.name === 'channel';
      const { Items = [] } = await throwBusyIfThrottled(
        dynamodb.call('Query', {
          TableName: tables[kind],
          KeyConditionExpression: `${partition.name} = :owner${kind === 'messages' ? ' AND seq > :head' : ''}`,
          ExpressionAttributeValues: {
            ':owner': isLog ? userChannel(userId).name : userId,
            ...(kind === 'messages' && { ':head': HEAD_SEQ }),
          },
          ConsistentRead: true,
          Limit: limit,
        }),
      );
      const keys = (Items as Record<string, unknown>[]).map((row) => ({
        [partition.name]: row[partition.name],
        [sort.name]: row[sort.name],
      }));
      await mapConcurrently(keys, CONCURRENT_DELETES, (Key) => removeRow(tables[kind], Key));
      return keys.length;
    },

    async removeHead(userId, { epoch, seq }) {
      const removed = await ifHolds(
        removeRow(tables.messages, headKey(userChannel(userId).name), {
          ConditionExpression: headAsRead,
          ExpressionAttributeValues: { ':epoch': epoch, ':head': seq },
        }),
      );
      return removed !== undefined;
    },

    async removeLapsed(userId) {
      const partition = { name: 'userId', value: userId };
      const rows = await queryAll<ConnectionRow>(dynamodb, tables.connections, partition);
      const lapsed = rows.filter(({ expiresAt }) => toMilliseconds(expiresAt) <= now());
      await mapConcurrently(lapsed, CONCURRENT_DELETES, async ({ connectionId }) => {
        await connections.remove({ userId, connectionId });
        await removeRow(tables.connections, socketKey(connectionId));
      });
      return lapsed.length;
    },

    async removeSocket(connectionId) {
      await removeRow(tables.connections, socketKey(connectionId));
    },
  };
}
