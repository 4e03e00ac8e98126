/**
 * The sockets that wait for their CONNECT, in DynamoDB. Their rows are spread over 16 partitions (a
 * hash of the address chooses one), so that no partition takes all writes. Each partition is
 * counted by itself: the sockets of one address are all in the same one.
 */
import { hash } from 'node:crypto';
import type { DynamoDb } from '../../aws/dynamodb.ts';
import type { PendingKey, PendingStore } from '../../domain/stomp/sockets.ts';
import { pendingIn, pendingName, pendingSort, socketName } from '../../protocol/socket-names.ts';
import { ifHolds, outlastTransactions, throwBusyIfThrottled } from './faults.ts';
import { queryAll } from './query-all.ts';
import { type ConnectionRow, type TableNames, toMilliseconds, toSeconds } from './tables.ts';

const PARTS = 16;

const isThere = 'attribute_exists(userId)';
export const notRefused = 'attribute_not_exists(refused)';

export const pendingKey = ({ address, connectionId }: PendingKey) => ({
  userId: pendingName(Number.parseInt(hash('sha256', address, 'hex').slice(0, 8), 16) % PARTS),
  connectionId: pendingSort(address, connectionId),
});

export function createPendingStore(
  dynamodb: DynamoDb,
  { connections: tableName }: Pick<TableNames, 'connections'>,
  now: () => number,
): PendingStore {
  return {
    async add(pending, { expiresAt, requestId }) {
      const { address, connectedAt } = pending;
      const key = pendingKey(pending);
      const Item = { ...key, connectedAt, expiresAt: toSeconds(expiresAt), replayRequestId: requestId };
      await throwBusyIfThrottled(dynamodb.call('PutItem', { TableName: tableName, Item }));
      const part = { name: 'userId', value: key.userId };
      const rows = await queryAll<ConnectionRow>(dynamodb, tableName, part);
      const waiting = rows.filter((row) => toMilliseconds(row.expiresAt) > now());
      const ofAddress = waiting.filter((row) => pendingIn(row.connectionId).address === address);
      return { ofAddress: ofAddress.length, ofPart: waiting.length, parts: PARTS };
    },

    async remove(key, { evenRefused }) {
      const remove = {
        TableName: tableName,
        Key: pendingKey(key),
        ConditionExpression: evenRefused ? isThere : `${isThere} AND ${notRefused}`,
      };
      const removed = await ifHolds(outlastTransactions(() => dynamodb.call('DeleteItem', remove)));
      return removed !== undefined;
    },

    async takeOwner(connectionId) {
      const Key = { userId: socketName(connectionId), connectionId };
      const { Attributes } = await outlastTransactions(() =>
        dynamodb.call('DeleteItem', { TableName: tableName, Key, ReturnValues: 'ALL_OLD' }),
      );
      return (Attributes as { owner?: string } | undefined)?.owner;
    },

    async refuse(key) {
      await ifHolds(
        dynamodb.call('UpdateItem', {
          TableName: tableName,
          Key: pendingKey(key),
          UpdateExpression: 'SET refused = :yes',
          ConditionExpression: isThere,
          ExpressionAttributeValues: { ':yes': true },
        }),
      );
    },
  };
}
