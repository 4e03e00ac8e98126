/**
 * The operations of DynamoDB that our stores use, over its JSON API: a call and a cold start each take about a fifth of
 * what they take with the SDK. Names are those of the API.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
 */
import { randomUUID } from 'node:crypto';
import { type Attributes, type Row, toAttributes, toRow } from './attributes.ts';
import type { HttpAnswer, Timeouts } from './http.ts';
import { createJsonService } from './json-service.ts';
import { backOffMs, type Clock, SYSTEM_CLOCK } from './retry.ts';
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

export interface Query {
  TableName: string;
  KeyConditionExpression: string;
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues: Row;
  ConsistentRead: boolean;
  Limit?: number;
  ExclusiveStartKey?: Row | undefined;
}

export interface Operations {
  GetItem: { input: Keyed & { ConsistentRead: boolean }; output: { Item?: Row } };
  PutItem: { input: Put; output: unknown };
  UpdateItem: {
    input: Keyed & Conditional & { UpdateExpression: string; ReturnValues?: 'ALL_NEW' };
    output: { Attributes?: Row };
  };
  DeleteItem: { input: Keyed; output: unknown };
  Query: { input: Query; output: { Items?: Row[]; LastEvaluatedKey?: Row } };
  TransactGetItems: {
    input: { TransactItems: { Get: Keyed }[] };
    output: { Responses?: { Item?: Row }[] };
  };
  TransactWriteItems: { input: { TransactItems: { Put: Put }[] }; output: unknown };
}

export type Operation = keyof Operations;

export interface DynamoDb {
  /**
   * Rejects with a {@link DynamoDbError} when DynamoDB refuses, and with another error when it does not answer, each after some
   * tries where the fault may pass. A write whose answer was lost is sent again: it may have taken effect before, and so
   * its own condition may fail. Not so a transaction, whose repetition DynamoDB knows.
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
  /** @default 3 */
  tries?: number;
  timeouts?: Timeouts;
  clock?: Clock;
}

const TRIES = 3;
/** An unanswered call is given up early enough for another try within the invocation. */
const TIMEOUTS: Timeouts = { connectMs: 1000, requestMs: 3000 };
/** Doubled per try, with full jitter: as the SDK does it for DynamoDB, but for the throttled, whom it has wait for a second. */
const RETRY_BASE_MS = 25;
const THROTTLED_BASE_MS = 100;

/** As the name of a refusal, and as the code of a cancellation reason. */
export const THROTTLING: ReadonlySet<string> = new Set([
  'ProvisionedThroughputExceeded',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'Throttling',
  'ThrottlingError',
  'ThrottlingException',
]);

/** Our own transaction, whose answer was lost, is still under way. */
const IN_PROGRESS = 'TransactionInProgressException';
const IN_PROGRESS_BASE_MS = 500;
const IN_PROGRESS_MAX_MS = 2000;
/**
 * A try later than this after the first makes DynamoDB complete a transaction that it had left half done.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html#API_TransactWriteItems_Errors
 */
const COMPLETED_AFTER_MS = 5000;

export function createDynamoDb({
  readAccess,
  endpoint,
  tries = TRIES,
  timeouts = TIMEOUTS,
  clock = SYSTEM_CLOCK,
}: DynamoDbOptions): DynamoDb {
  const ask = createJsonService({
    service: 'dynamodb',
    api: 'DynamoDB_20120810',
    contentType: 'application/x-amz-json-1.0',
    endpoint,
    readAccess,
    timeouts,
  });

  return {
    async call(operation, input) {
      const token = operation === 'TransactWriteItems' ? { ClientRequestToken: randomUUID() } : {};
      const body = JSON.stringify({ ...encoded(input), ...token });
      const firstAt = clock.now();
      for (let attempt = 1; ; attempt++) {
        const triedAt = clock.now();
        try {
          return resultOf(await ask(operation, body));
        } catch (error) {
          const mayGoOn = isInProgress(error) ? triedAt - firstAt <= COMPLETED_AFTER_MS : attempt < tries;
          if (!mayGoOn || !mayPass(error)) throw error;
          await clock.sleep(pauseMs(error, attempt));
        }
      }
    },
  };
}

const isInProgress = (error: unknown): boolean =>
  error instanceof DynamoDbError && error.name === IN_PROGRESS;

const mayPass = (error: unknown): boolean =>
  !(error instanceof DynamoDbError) ||
  error.status >= 500 ||
  error.status === 200 || // but no answer
  THROTTLING.has(error.name) ||
  isInProgress(error);

function pauseMs(error: unknown, attempt: number): number {
  if (isInProgress(error)) {
    return Math.min(IN_PROGRESS_BASE_MS + backOffMs(IN_PROGRESS_BASE_MS, attempt), IN_PROGRESS_MAX_MS);
  }
  const isThrottled = error instanceof DynamoDbError && THROTTLING.has(error.name);
  return backOffMs(isThrottled ? THROTTLED_BASE_MS : RETRY_BASE_MS, attempt);
}

function resultOf<Name extends Operation>({ status, body }: HttpAnswer): Operations[Name]['output'] {
  const answer = parsed(body);
  if (status === 200 && answer) return decoded(answer) as Operations[Name]['output'];
  throw refusalIn(status, answer);
}

/** Undefined: no JSON. What JSON cannot read it would quote in its complaint, and this may be somebody's message. */
function parsed(body: string): object | undefined {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** A fault without a body that tells it is one of what stands before the service. */
function refusalIn(status: number, answer: object | undefined): DynamoDbError {
  const fault = decoded(answer ?? {}) as Record<string, unknown>;
  const { __type = `HTTP ${status}`, message, Message, ...rest } = fault;
  const name = String(__type).replace(/^.*#/, '');
  return new DynamoDbError({ ...rest, name, message: String(message ?? Message ?? name), status });
}

/** The members of requests and answers, at any depth, that are rows. */
const ROW_MEMBERS: ReadonlySet<string> = new Set([
  'Attributes',
  'ExclusiveStartKey',
  'ExpressionAttributeValues',
  'Item',
  'Key',
  'LastEvaluatedKey',
]);

const encoded = (input: object) => translated(input, toAttributes as Translation) as object;

function decoded(answer: { Items?: Attributes[] }): unknown {
  const { Items, ...rest } = answer;
  return {
    ...(translated(rest, toRow as Translation) as object),
    ...(Items && { Items: Items.map(toRow) }),
  };
}

type Translation = (row: object) => object;

function translated(value: unknown, translate: Translation): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => translated(one, translate));
  const result: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const isRow = ROW_MEMBERS.has(name) && typeof member === 'object' && member !== null;
    result[name] = isRow ? translate(member) : translated(member, translate);
  }
  return result;
}
