/**
 * DynamoDB over its JSON API. A call takes a seventh of the SDK's CPU, a cold start a quarter.
 */
import { randomUUID } from 'node:crypto';
import { backOffMs } from '../../back-off.ts';
import { type Attributes, toAttributes, toRow } from '../attributes.ts';
import {
  type DynamoDb,
  DynamoDbError,
  type DynamoDbOptions,
  type Operation,
  type Operations,
  THROTTLING,
  TIMEOUTS,
  TRIES,
} from '../dynamodb.ts';
import type { HttpAnswer } from '../http.ts';
import { waitOutTransaction } from '../in-progress.ts';
import { createJsonService } from '../json-service.ts';
import { retried, SYSTEM_CLOCK } from '../retry.ts';

/**
 * Exponential back-off with full jitter, as the SDK does for DynamoDB. After throttling the SDK
 * waits longer: a second.
 */
const RETRY_BASE_MS = 25;
const THROTTLED_BASE_MS = 100;

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

  const withTries = <Name extends Operation>(operation: Name, body: string) =>
    retried(async () => resultOf<Name>(await ask(operation, body)), { tries, mayPass, delayMs, clock });

  return {
    async call(operation, input) {
      const isTransaction = operation === 'TransactWriteItems';
      const token = isTransaction ? { ClientRequestToken: randomUUID() } : {};
      const body = JSON.stringify({ ...encoded(input), ...token });
      const attempt = () => withTries<typeof operation>(operation, body);
      return isTransaction ? await waitOutTransaction(attempt, clock) : await attempt();
    },
  };
}

const delayMs = (attempt: number, error: unknown): number =>
  backOffMs(attempt, isThrottled(error) ? THROTTLED_BASE_MS : RETRY_BASE_MS);

const isThrottled = (error: unknown): boolean => error instanceof DynamoDbError && THROTTLING.has(error.name);

const mayPass = (error: unknown): boolean =>
  !(error instanceof DynamoDbError) ||
  error.status >= 500 ||
  error.status === 200 || // with a body that is no JSON
  isThrottled(error);

function resultOf<Name extends Operation>({ status, body }: HttpAnswer): Operations[Name]['output'] {
  const answer = parsed(body);
  if (status === 200 && answer) return decoded(answer) as Operations[Name]['output'];
  throw refusalIn(status, answer);
}

/**
 * Undefined: no JSON. Hides the error of `JSON.parse`, which quotes its input: that may be
 * somebody's message.
 */
function parsed(body: string): object | undefined {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** A fault without a body comes from a proxy or a load balancer in front of the service. */
function refusalIn(status: number, answer: object | undefined): DynamoDbError {
  const fault = decoded(answer ?? {}) as Record<string, unknown>;
  const { __type = `HTTP ${status}`, message, Message, ...rest } = fault;
  const name = String(__type).replace(/^.*#/, '');
  return new DynamoDbError({ ...rest, name, message: String(message ?? Message ?? name), status });
}

/** The members of requests and answers, at any depth, that hold a row or a list of rows. */
const ROW_MEMBERS: ReadonlySet<string> = new Set([
  'Attributes',
  'ExclusiveStartKey',
  'ExpressionAttributeValues',
  'Item',
  'Items',
  'Key',
  'Keys',
  'LastEvaluatedKey',
]);

const encoded = (input: object) => translated(input, toAttributes as Translation) as object;

function decoded(answer: { Responses?: unknown }): object {
  const { Responses, ...rest } = answer;
  return {
    ...(translated(rest, toRow as Translation) as object),
    ...(Responses !== undefined && { Responses: decodedResponses(Responses as object) }),
  };
}

/** `Responses` of a transaction is a list; of a batch, it holds the rows of each table. */
function decodedResponses(responses: object): unknown {
  if (Array.isArray(responses)) return translated(responses, toRow as Translation);
  return Object.fromEntries(
    Object.entries(responses).map(([table, rows]) => [table, (rows as Attributes[]).map(toRow)]),
  );
}

type Translation = (row: object) => object;

function translated(value: unknown, translate: Translation): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => translated(one, translate));
  const result: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const isRow = ROW_MEMBERS.has(name) && typeof member === 'object' && member !== null;
    result[name] = isRow ? translatedRows(member, translate) : translated(member, translate);
  }
  return result;
}

const translatedRows = (rows: object, translate: Translation): unknown =>
  Array.isArray(rows) ? rows.map((row: object) => translate(row)) : translate(rows);
