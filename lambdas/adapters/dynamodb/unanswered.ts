/** Which messages were told to be unanswered, on the messages' own rows. */
import type { DynamoDb } from '../../aws/dynamodb.ts';
import type { Stored } from '../../domain/model.ts';
import type { Unanswered } from '../../domain/ports/unanswered.ts';
import { ifHolds, isFault, outlastTransactions } from './faults.ts';
import type { MessageRow } from './tables.ts';

/** A withdrawal takes the content, and a write that comes late must not bring a row back. */
const stillKept = 'id = :id AND attribute_not_exists(withdrawnBy)';

const notTold = 'attribute_not_exists(unansweredTold)';

/** Two wake-ups of one message are served at once: one of them tells. */
const leaseIsFree = '(attribute_not_exists(unansweredUntil) OR unansweredUntil <= :now)';

export const createUnanswered = (dynamodb: DynamoDb, tableName: string): Unanswered => ({
  async begin(stored, { now, until }) {
    const update = {
      ...keyOf(tableName, stored),
      UpdateExpression: 'SET unansweredUntil = :until',
      ConditionExpression: `${stillKept} AND ${notTold} AND ${leaseIsFree}`,
      ExpressionAttributeValues: { ':id': stored.message.id, ':until': until, ':now': now },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
    };
    try {
      await outlastTransactions(() => dynamodb.call('UpdateItem', update));
      return 'begun';
    } catch (error) {
      if (!isFault(error, 'ConditionalCheckFailedException')) throw error;
      const row = (error.Item ?? {}) as Partial<MessageRow>;
      const isKept = row.id === stored.message.id && row.withdrawnBy === undefined;
      return isKept && !row.unansweredTold ? 'taken' : 'over';
    }
  },

  async end(stored) {
    const update = {
      ...keyOf(tableName, stored),
      UpdateExpression: 'SET unansweredTold = :true',
      ConditionExpression: stillKept,
      ExpressionAttributeValues: { ':id': stored.message.id, ':true': true },
    };
    await ifHolds(outlastTransactions(() => dynamodb.call('UpdateItem', update)));
  },
});

const keyOf = (TableName: string, { channel, message }: Stored) => ({
  TableName,
  Key: { channel: channel.name, seq: message.seq },
});
