/** What becomes of the rows of the outbox once they were tried. */
import type { DynamoDb } from '../../aws/dynamodb.ts';
import type { OutboxRows } from '../../domain/ports/outbox.ts';
import { outlastTransactions } from './faults.ts';

/** A row may be part of a transaction of its service, which is over within milliseconds. */
export const createOutboxRows = (dynamodb: DynamoDb, tableName: string): OutboxRows => ({
  async remove(id) {
    await outlastTransactions(() => dynamodb.call('DeleteItem', { TableName: tableName, Key: { id } }));
  },

  async markFailed({ id, text }, reason) {
    const keepsText = text === undefined ? '' : ', notification = if_not_exists(notification, :text)';
    await outlastTransactions(() =>
      dynamodb.call('UpdateItem', {
        TableName: tableName,
        Key: { id },
        UpdateExpression: `SET failed = :reason${keepsText}`,
        ExpressionAttributeValues: { ':reason': reason, ...(text !== undefined && { ':text': text }) },
      }),
    );
  },
});
