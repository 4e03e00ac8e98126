/**
 * The operations of DynamoDB that the stores use, named as in the API. The setting `awsClient`
 * chooses, when the Lambdas are bundled, which client carries them out: `lean/` or `sdk/`.
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

/** The keys of the rows to read from one table. */
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
    input: Update & { ReturnValues?: 'ALL_NEW' | 'ALL_OLD' };
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
      /** Keys that DynamoDB had no capacity for. The caller asks for them again. */
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
   * Rejects with a {@link DynamoDbError} when DynamoDB refuses, and with another error when
   * DynamoDB does not answer. Retries before, where the fault may pass.
   * - A single write whose answer was lost is sent again. If the first request had taken effect,
   *   the write's own condition may fail at the second.
   * - A transaction carries a request token (an idempotency key), so DynamoDB recognizes its
   *   repetition.
   */
  call<Name extends Operation>(
    operation: Name,
    input: Operations[Name]['input'],
  ): Promise<Operations[Name]['output']>;
}

/** Why one action of a transaction failed. `Code` is `None` for those that did not. */
export interface CancellationReason {
  Code: string;
  /** The row as it stood, if the action asked for it by `ReturnValuesOnConditionCheckFailure`. */
  Item?: Row;
}

export interface Refusal {
  /** DynamoDB's name of the fault, such as `ConditionalCheckFailedException`. */
  name: string;
  message: string;
  status?: number;
  /** After a failed condition: the row as it stood, if the request asked for it. */
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
  /** Undefined: the regional endpoint of the service. */
  endpoint?: string | undefined;
  tries?: number;
  timeouts?: Timeouts;
  clock?: Clock;
}

/** How often a call is tried. */
export const TRIES = 3;
/** Short enough that an unanswered call leaves time for another try within the invocation. */
export const TIMEOUTS: Timeouts = { connectMs: 1000, requestMs: 3000 };

/** Both the names of refusals and the codes of cancellation reasons that mean: slow down. */
export const THROTTLING: ReadonlySet<string> = new Set([
  'ProvisionedThroughputExceeded',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'Throttling',
  'ThrottlingError',
  'ThrottlingException',
]);
