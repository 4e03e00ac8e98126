/** What users have read, in DynamoDB: a row a user among the user's devices. */
import type { DynamoDb } from '../../aws/dynamodb.ts';
import type { ReadStateStore } from '../../domain/ports.ts';
import { ifHolds, throwBusyIfThrottled } from './faults.ts';
import { READ_STATE_ID, type ReadStateRow } from './tables.ts';

/** Two of a user's devices mark at once: the second must look again. */
const ofVersion = 'version = :version';
const notMarkedYet = 'attribute_not_exists(userId)';

export function createReadStateStore(dynamodb: DynamoDb, tableName: string): ReadStateStore {
  const keyOf = (userId: string) => ({ userId, deviceId: READ_STATE_ID });
  return {
    async find(userId) {
      const get = { TableName: tableName, Key: keyOf(userId), ConsistentRead: true };
      const { Item } = await throwBusyIfThrottled(dynamodb.call('GetItem', get));
      if (Item === undefined) return undefined;
      const { version, epoch, through, seqs } = Item as ReadStateRow;
      return { version, epoch, through, seqs: JSON.parse(seqs) };
    },

    async replace(userId, expectedVersion, { version, epoch, through, seqs }) {
      const row = { version, epoch, through, seqs: JSON.stringify(seqs) };
      const condition =
        expectedVersion === 0
          ? { ConditionExpression: notMarkedYet }
          : {
              ConditionExpression: ofVersion,
              ExpressionAttributeValues: { ':version': expectedVersion },
            };
      const Item = { ...keyOf(userId), ...row };
      const put = await ifHolds(dynamodb.call('PutItem', { TableName: tableName, Item, ...condition }));
      return put !== undefined;
    },
  };
}
