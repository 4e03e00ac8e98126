/** The faults of DynamoDB, as its client throws them. */
import { type CancellationReason, DynamoDbError } from '../../../lambdas/aws/dynamodb.ts';
import type { Row } from './expressions.ts';

export const conditionFailed = (Item: Row | undefined): Error =>
  new DynamoDbError({
    name: 'ConditionalCheckFailedException',
    message: 'The conditional request failed',
    Item,
  });

export const cancelled = (CancellationReasons: CancellationReason[]): Error =>
  new DynamoDbError({
    name: 'TransactionCanceledException',
    message: 'Transaction cancelled',
    CancellationReasons,
  });

export const conflict = (): Error =>
  new DynamoDbError({
    name: 'TransactionConflictException',
    message: 'Transaction is ongoing for the item',
  });

export const throttled = (): Error =>
  new DynamoDbError({
    name: 'ProvisionedThroughputExceededException',
    message: 'simulated: too many requests',
  });
