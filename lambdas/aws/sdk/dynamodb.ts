/** DynamoDB by the document client of the SDK. */
import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactGetCommand,
  TransactWriteCommand,
  type TransactWriteCommandInput,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { type Attributes, toRow } from '../attributes.ts';
import {
  type DynamoDb,
  DynamoDbError,
  type DynamoDbOptions,
  type Operation,
  type Operations,
  TIMEOUTS,
  TRIES,
} from '../dynamodb.ts';
import { serviceUrl } from '../endpoint.ts';
import { waitOutTransaction } from '../in-progress.ts';
import { SYSTEM_CLOCK } from '../retry.ts';
import { configOf } from './config.ts';

export function createDynamoDb({
  readAccess,
  endpoint,
  tries = TRIES,
  timeouts = TIMEOUTS,
  clock = SYSTEM_CLOCK,
}: DynamoDbOptions): DynamoDb {
  const client = DynamoDBDocumentClient.from(
    new DynamoDBClient({
      ...configOf({ readAccess, timeouts }),
      endpoint: endpoint ?? serviceUrl('dynamodb', readAccess().region),
      maxAttempts: tries,
      accountIdEndpointMode: 'disabled',
      endpointDiscoveryEnabled: false,
    }),
  );

  return {
    async call(operation, input) {
      const isTransaction = operation === 'TransactWriteItems';
      const request = isTransaction ? { ...input, ClientRequestToken: randomUUID() } : input;
      const attempt = () => withOurErrors(SENDERS[operation](client, request));
      return isTransaction ? await waitOutTransaction(attempt, clock) : await attempt();
    },
  };
}

type Send<Name extends Operation> = (
  client: DynamoDBDocumentClient,
  input: Operations[Name]['input'],
) => Promise<Operations[Name]['output']>;

type BatchAnswer = Operations['BatchGetItem']['output'];

/** Requests and answers of {@link Operations} have the shapes of the SDK. */
const SENDERS: { [Name in Operation]: Send<Name> } = {
  GetItem: (client, input) => client.send(new GetCommand(input)),
  PutItem: (client, input) => client.send(new PutCommand(input)),
  UpdateItem: (client, input) => client.send(new UpdateCommand(input)),
  DeleteItem: (client, input) => client.send(new DeleteCommand(input)),
  BatchGetItem: async (client, input) => (await client.send(new BatchGetCommand(input))) as BatchAnswer,
  Query: (client, input) => client.send(new QueryCommand(input)),
  TransactGetItems: (client, input) => client.send(new TransactGetCommand(input)),
  TransactWriteItems: (client, input) =>
    client.send(new TransactWriteCommand(input as TransactWriteCommandInput)),
};

interface SdkError extends Error {
  /** Set only on refusals by DynamoDB itself. */
  $fault?: 'client' | 'server';
  $metadata?: { httpStatusCode?: number };
  Item?: Attributes;
  CancellationReasons?: { Code?: string; Item?: Attributes }[];
}

async function withOurErrors<Result>(sent: Promise<Result>): Promise<Result> {
  try {
    return await sent;
  } catch (error) {
    throw refusalIn(error as SdkError);
  }
}

/**
 * An error without a status is no refusal: DynamoDB did not answer, and the error is passed on. The
 * text of an answer that is not DynamoDB's is not quoted.
 */
function refusalIn(error: SdkError): Error {
  const status = error.$metadata?.httpStatusCode;
  if (status === undefined) return error;
  const name = error.$fault === undefined || error.name === 'Unknown' ? `HTTP ${status}` : error.name;
  return new DynamoDbError({
    name,
    message: error.$fault === undefined ? name : error.message,
    status,
    Item: error.Item && toRow(error.Item),
    CancellationReasons: (error.CancellationReasons ?? []).map(({ Code = 'None', Item }) => ({
      Code,
      ...(Item && { Item: toRow(Item) }),
    })),
  });
}
