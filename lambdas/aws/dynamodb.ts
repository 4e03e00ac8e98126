/**
 * The operations of DynamoDB that our stores use. Names are those of the API; who carries them out
 * is chosen when the Lambdas are bundled: `lean/` or `sdk/`.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
 */
import type { Row } from './attributes.ts';
import type { Timeouts } from './http.ts';
import type { Clock } from './retry.ts';
import type { Access } from './signature.ts';

export interface Conditional {
  ConditionExpression?: string;
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues?: Row;
  ReturnValuesOnConditionCheckFailure?: 'ALL_OLD';
}

export interface Put extends Conditional {
  TableName: string;
  Item: Row;
}

interface Keyed {
  TableName: string;
  Key: Row;
}

export interface Update extends Keyed, Conditional {
  UpdateExpression: string;
}

/** One action of a transaction. */
export type TransactWrite =
  | { Put: Put }
  | { Update: Update }
  | { Delete: Keyed & Conditional }
  | { ConditionCheck: Keyed & Conditional };

/** The keys of one table, and the rows found of it. */
export interface BatchKeys {
  Keys: Row[];
  ConsistentRead: boolean;
}

export interface Query {
  TableName: string;
  IndexName?: string;
  KeyConditionExpression: string;
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues: Row;
  ConsistentRead: boolean;
  Limit?: number;
  ExclusiveStartKey?: Row | undefined;
  ScanIndexForward?: boolean | undefined;
}

export interface Operations {
  GetItem: { input: Keyed & { ConsistentRead: boolean }; output: { Item?: Row | undefined } };
  PutItem: { input: Put; output: unknown };
  UpdateItem: {
    input: Update & { ReturnValues?: 'ALL_NEW' };
    output: { Attributes?: Row | undefined };
  };
  DeleteItem: {
    input: Keyed & Conditional & { ReturnValues?: 'ALL_OLD' };
    output: { Attributes?: Row | undefined };
  };
  BatchGetItem: {
    input: { RequestItems: Record<string, BatchKeys> };
    output: {
      Responses?: Record<string, Row[]> | undefined;
      /** What DynamoDB had no capacity for: to be asked for again. */
      UnprocessedKeys?: Record<string, BatchKeys> | undefined;
    };
  };
  Query: { input: Query; output: { Items?: Row[] | undefined; LastEvaluatedKey?: Row | undefined } };
  TransactGetItems: {
    input: { TransactItems: { Get: Keyed }[] };
    output: { Responses?: { Item?: Row | undefined }[] | undefined };
  };
  TransactWriteItems: { input: { TransactItems: TransactWrite[] }; output: unknown };
}

export type Operation = keyof Operations;

export interface DynamoDb {
  /**
   * Rejects with a {@link DynamoDbError} when DynamoDB refuses, and with another error when it does
   * not answer, each after some tries where the fault may pass. A write whose answer was lost is
   * sent again: it may have taken effect before, and so its own condition may fail. Not so a
   * transaction, whose repetition DynamoDB knows.
   */
  call<Name extends Operation>(
    operation: Name,
    input: Operations[Name]['input'],
  ): Promise<Operations[Name]['output']>;
}

/** Why one action of a transaction failed. `Code` is `None` for those that did not. */
export interface CancellationReason {
  Code: string;
  /** The row as it stood, where it was asked for. */
  Item?: Row;
}

export interface Refusal {
  /** As DynamoDB names it, such as `ConditionalCheckFailedException`. */
  name: string;
  message: string;
  status?: number;
  /** Of a condition that failed: the row as it stood, where it was asked for. */
  Item?: Row | undefined;
  CancellationReasons?: CancellationReason[];
}

export class DynamoDbError extends Error {
  override readonly name: string;
  readonly status: number;
  readonly Item: Row | undefined;
  readonly CancellationReasons: CancellationReason[];

  constructor({ name, message, status = 400, Item, CancellationReasons = [] }: Refusal) {
    super(message);
    this.name = name;
    this.status = status;
    this.Item = Item;
    this.CancellationReasons = CancellationReasons;
  }
}

export interface DynamoDbOptions {
  readAccess: () => Access;
  /** Undefined: the service's own. */
  endpoint?: string | undefined;
  tries?: number;
  timeouts?: Timeouts;
  clock?: Clock;
}

/** How often a call is tried. */
export const TRIES = 3;
/** An unanswered call is given up early enough for another try within the invocation. */
export const TIMEOUTS: Timeouts = { connectMs: 1000, requestMs: 3000 };

/** As the name of a refusal, and as the code of a cancellation reason. */
export const THROTTLING: ReadonlySet<string> = new Set([
  'ProvisionedThroughputExceeded',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'Throttling',
  'ThrottlingError',
  'ThrottlingException',
]);
