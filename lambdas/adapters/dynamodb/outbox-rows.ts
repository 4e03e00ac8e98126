/** What becomes of the rows of the outbox once they were tried. */
import type { DynamoDb } from '../../aws/dynamodb.ts';
import type { OutboxRows } from '../../domain/ports/outbox.ts';
import { utf8Bytes } from '../../protocol/limits.ts';
import { isFault, outlastTransactions } from './faults.ts';

/** A row may be part of a transaction of its service, which is over within milliseconds. */
export const createOutboxRows = (dynamodb: DynamoDb, tableName: string): OutboxRows => ({
  async remove(id) {
    await outlastTransactions(() => dynamodb.call('DeleteItem', { TableName: tableName, Key: { id } }));
  },

  async markFailed({ id, text = '' }, reason) {
    const keepsText = text !== '' && utf8Bytes(text) <= MAX_ITEM_BYTES;
    const mark = outlastTransactions(() =>
      dynamodb.call('UpdateItem', {
        TableName: tableName,
        Key: { id },
        UpdateExpression: `SET failed = :reason${keepsText ? KEEPING_TEXT : ''}`,
        ExpressionAttributeValues: {
          // No text of DynamoDB's has half of a character, which a reason may quote.
          ':reason': reason.toWellFormed(),
          ...(keepsText && { ':text': text }),
        },
      }),
    );
    return await ifItFits(mark);
  },
});

/** Of a row, and so of a value: a map may take several times as much as JSON. */
const MAX_ITEM_BYTES = 400 * 1024;
const KEEPING_TEXT = ', notification = if_not_exists(notification, :text)';

/** False: the row would be larger than an item may be. */
async function ifItFits(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (isFault(error, 'ValidationException') && error.message.includes('exceeded')) return false;
    throw error;
  }
}
