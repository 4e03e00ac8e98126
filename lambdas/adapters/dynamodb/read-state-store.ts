/** What users have read, in DynamoDB: a row a user among the user's devices. */
import type { DynamoDb } from '../../aws/dynamodb.ts';
import type { ReadStateStore, StoredReadState } from '../../domain/ports/read-state-store.ts';
import { userChannel } from '../../protocol/channel.ts';
import { ifHolds, outlastTransactions, throwBusyIfThrottled } from './faults.ts';
import { headKey } from './message-rows.ts';
import { READ_STATE_ID, type ReadStateRow, type TableNames } from './tables.ts';
import { putIf } from './while-open.ts';

/** Two of a user's devices mark at once: the second must look again. */
const ofVersion = 'version = :version AND epoch = :epoch';
const notMarkedYet = 'attribute_not_exists(userId)';

/** A mark that comes late must not bring back what was erased with the channel. */
const ofEpoch = 'epoch = :epoch';

export const readStateKey = (userId: string) => ({ userId, deviceId: READ_STATE_ID });

export const toReadState = ({ version, epoch, through, seqs }: ReadStateRow): StoredReadState => ({
  version,
  epoch,
  through,
  seqs: JSON.parse(seqs),
});

export function createReadStateStore(
  dynamodb: DynamoDb,
  { devices: tableName, messages }: Pick<TableNames, 'devices' | 'messages'>,
): ReadStateStore {
  return {
    async find(userId) {
      const get = { TableName: tableName, Key: readStateKey(userId), ConsistentRead: true };
      const { Item } = await throwBusyIfThrottled(dynamodb.call('GetItem', get));
      return Item && toReadState(Item as ReadStateRow);
    },

    async replace(userId, expectedVersion, { version, epoch, through, seqs }, expectedEpoch = epoch) {
      const Item = { ...readStateKey(userId), version, epoch, through, seqs: JSON.stringify(seqs) };
      if (expectedVersion === 0) {
        const first = { TableName: tableName, Item, ConditionExpression: notMarkedYet };
        return (await putIf(dynamodb, first, headOf(userId, epoch))) === 'put';
      }
      const condition = {
        ConditionExpression: ofVersion,
        ExpressionAttributeValues: { ':version': expectedVersion, ':epoch': expectedEpoch },
      };
      const put = () => dynamodb.call('PutItem', { TableName: tableName, Item, ...condition });
      return (await ifHolds(outlastTransactions(put))) !== undefined;
    },
  };

  function headOf(userId: string, epoch: string) {
    const Key = headKey(userChannel(userId).name);
    return {
      TableName: messages,
      Key,
      ConditionExpression: ofEpoch,
      ExpressionAttributeValues: { ':epoch': epoch },
    };
  }
}
