/** The faults of DynamoDB, as the SDK throws them. */
import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
  TransactionConflictException,
} from '@aws-sdk/client-dynamodb';
import type { AttributeValue } from 'aws-lambda';
import type { Row, Value } from './expressions.ts';

export interface Reason {
  Code: string;
  Item?: Record<string, AttributeValue>;
}

const $metadata = {};

/** `Item` is in DynamoDB's own JSON: the document client translates results, not errors. */
export const conditionFailed = (row: Row | undefined): Error =>
  new ConditionalCheckFailedException({
    $metadata,
    message: 'The conditional request failed',
    ...(row && { Item: marshalled(row) as never }),
  });

export const cancelled = (reasons: Reason[]): Error =>
  new TransactionCanceledException({
    $metadata,
    message: 'Transaction cancelled',
    CancellationReasons: reasons as never,
  });

export const conflict = (): Error =>
  new TransactionConflictException({ $metadata, message: 'Transaction is ongoing for the item' });

export const throttled = (): Error =>
  Object.assign(new Error('simulated: too many requests'), {
    name: 'ProvisionedThroughputExceededException',
  });

export const marshalled = (row: Row): Record<string, AttributeValue> =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, attribute(value)]));

function attribute(value: Value): AttributeValue {
  switch (typeof value) {
    case 'string':
      return { S: value };
    case 'number':
      return { N: String(value) };
    case 'boolean':
      return { BOOL: value };
    default:
      return { M: marshalled(value) };
  }
}
