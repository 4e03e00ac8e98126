/** Who is online as the application was told, in DynamoDB. */
import { randomUUID } from 'node:crypto';
import type { DynamoDb } from '../../aws/dynamodb.ts';
import type { PresenceStore } from '../../domain/ports/presence-store.ts';
import { ifHolds, throwBusyIfThrottled } from './faults.ts';
import { type PresenceRow, toMilliseconds, toSeconds } from './tables.ts';

/** Longer than any connection lasts. A check that was lost keeps a user online no longer. */
const KEPT_MS = 24 * 3_600_000;

export const createPresenceStore = (
  dynamodb: DynamoDb,
  tableName: string,
  now: () => number,
): PresenceStore => ({
  async find(userId) {
    const get = { TableName: tableName, Key: { userId }, ConsistentRead: true };
    const { Item } = await throwBusyIfThrottled(dynamodb.call('GetItem', get));
    const row = Item as PresenceRow | undefined;
    if (row === undefined || toMilliseconds(row.expiresAt) <= now()) return undefined;
    return { userId, version: row.version, closedAt: row.closedAt };
  },

  async markOnline(userId) {
    const update = {
      TableName: tableName,
      Key: { userId },
      UpdateExpression: 'SET version = :version, expiresAt = :expiresAt',
      ExpressionAttributeValues: { ':version': randomUUID(), ':expiresAt': toSeconds(now() + KEPT_MS) },
    };
    await throwBusyIfThrottled(dynamodb.call('UpdateItem', update));
  },

  async markClosed(userId, closedAt) {
    const update = {
      TableName: tableName,
      Key: { userId },
      UpdateExpression: 'SET closedAt = :closedAt',
      // The closes of two connections may come in any order, and one of them twice.
      ConditionExpression:
        'attribute_exists(userId) AND (attribute_not_exists(closedAt) OR closedAt <= :closedAt)',
      ExpressionAttributeValues: { ':closedAt': closedAt },
    };
    return (await ifHolds(dynamodb.call('UpdateItem', update))) !== undefined;
  },

  async remove({ userId, version, closedAt }) {
    const remove = {
      TableName: tableName,
      Key: { userId },
      ConditionExpression: 'version = :version AND closedAt = :closedAt',
      ExpressionAttributeValues: { ':version': version, ':closedAt': closedAt },
    };
    return (await ifHolds(dynamodb.call('DeleteItem', remove))) !== undefined;
  },
});
