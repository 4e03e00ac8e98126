/** Our client of DynamoDB is the SDK's to whoever is on the other side: the same requests, the same rows, the same faults. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  BatchGetCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { toAttributes, toRow } from '../../../../lambdas/aws/attributes.ts';
import { DynamoDbError, type Operation, type Operations } from '../../../../lambdas/aws/dynamodb.ts';
import { serviceUrl } from '../../../../lambdas/aws/endpoint.ts';
import { createDynamoDb } from '../../../../lambdas/aws/lean/dynamodb.ts';
import { LOCAL_ACCESS, readLocalAccess } from '../../../support/dynoxide.ts';
import { createQuickClock, type QuickClock } from '../../../support/quick-clock.ts';
import { type Answer, status, useScriptedServer } from '../../../support/scripted-server.ts';

const server = useScriptedServer();
let sdk: DynamoDBDocumentClient | undefined;
afterAll(() => sdk?.destroy());

/** For what must fail by them. */
const TIMEOUTS = { connectMs: 5000, requestMs: 400 };
/** For what must not, on whatever machine. */
const PATIENT = { connectMs: 30_000, requestMs: 30_000 };
let clock: QuickClock;
const ours = (timeouts = PATIENT) =>
  createDynamoDb({ readAccess: readLocalAccess, endpoint: server.url, timeouts, clock });
const theirs = () => {
  sdk ??= DynamoDBDocumentClient.from(
    new DynamoDBClient({ ...LOCAL_ACCESS, endpoint: server.url, maxAttempts: 1 }),
  );
  return sdk;
};

const text = fc.string({ unit: 'binary', maxLength: 20 });
const name = fc.string({ unit: fc.constantFrom(...'abcXYZ09#:_'), minLength: 1, maxLength: 12 });
const { row } = fc.letrec<{ row: object; value: unknown }>((tie) => ({
  row: fc.dictionary(name, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  value: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, min: -1e15, max: 1e15 }).map((number) => number + 0),
    fc.boolean(),
    fc.uniqueArray(text, { minLength: 1, maxLength: 4 }).map((texts) => new Set(texts)),
    tie('row'),
  ),
}));

const TableName = 'Messages';
const Key = { channel: 'user:ünïcode 🌱', seq: 58 };
const conditional = {
  ConditionExpression: '#cursor.seq < :seq',
  ExpressionAttributeNames: { '#cursor': 'cursor#user:alice' },
  ExpressionAttributeValues: { ':seq': 58, ':to': { epoch: 'e', seq: 58 }, ':handover': false },
};
const Item = {
  ...Key,
  data: '{"a":"\\u0000"}',
  nested: { deep: { number: 1.5 } },
  channels: new Set(['topic:a', 'topic:ü']),
};
const query = {
  TableName,
  KeyConditionExpression: 'channel = :channel AND seq BETWEEN :first AND :last',
  ExpressionAttributeValues: { ':channel': 'user:alice', ':first': 1, ':last': Number.MAX_SAFE_INTEGER },
  ConsistentRead: true,
  Limit: 1000,
  ExclusiveStartKey: Key,
};

const INPUTS: { [Name in Operation]: Operations[Name]['input'] } = {
  GetItem: { TableName, Key, ConsistentRead: true },
  PutItem: { TableName, Item, ...conditional },
  UpdateItem: {
    TableName,
    Key,
    UpdateExpression: 'SET #cursor = :to',
    ReturnValues: 'ALL_NEW',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    ...conditional,
  },
  DeleteItem: { TableName, Key, ReturnValues: 'ALL_OLD' },
  BatchGetItem: { RequestItems: { [TableName]: { Keys: [Key, { ...Key, seq: 0 }], ConsistentRead: true } } },
  Query: query,
  TransactGetItems: { TransactItems: [{ Get: { TableName, Key } }, { Get: { TableName, Key } }] },
  TransactWriteItems: {
    TransactItems: [
      { Put: { TableName, Item, ...conditional } },
      {
        Update: {
          TableName,
          Key,
          UpdateExpression: 'ADD channels :channels',
          ConditionExpression: 'size(channels) < :max OR contains(channels, :name)',
          ExpressionAttributeValues: {
            ':channels': new Set(['topic:news']),
            ':max': 100,
            ':name': 'topic:news',
          },
        },
      },
      { Delete: { TableName, Key } },
      { ConditionCheck: { TableName, Key, ConditionExpression: 'attribute_exists(channel)' } },
    ],
  },
};
const OPERATIONS = Object.keys(INPUTS) as Operation[];

/** The same call by the SDK. */
function sendBySdk(operation: Operation, input: object): Promise<object> {
  switch (operation) {
    case 'GetItem':
      return theirs().send(new GetCommand(input as GetCommand['input']));
    case 'PutItem':
      return theirs().send(new PutCommand(input as PutCommand['input']));
    case 'UpdateItem':
      return theirs().send(new UpdateCommand(input as UpdateCommand['input']));
    case 'DeleteItem':
      return theirs().send(new DeleteCommand(input as DeleteCommand['input']));
    case 'BatchGetItem':
      return theirs().send(new BatchGetCommand(input as BatchGetCommand['input']));
    case 'Query':
      return theirs().send(new QueryCommand(input as QueryCommand['input']));
    case 'TransactGetItems':
      return theirs().send(new TransactGetCommand(input as TransactGetCommand['input']));
    case 'TransactWriteItems':
      return theirs().send(new TransactWriteCommand(input as TransactWriteCommand['input']));
  }
}

const json = (body: unknown, code = 200): Answer => status(code, {}, JSON.stringify(body));
const fault = (type: string, fields: object = {}, code = 400): Answer =>
  json({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: 'no', ...fields }, code);

beforeEach(() => {
  clock = createQuickClock();
  server.answer = json({});
});

const rejected = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error) => error,
  );

describe.each(OPERATIONS)('%s', (operation) => {
  const call = (timeouts = PATIENT) => ours(timeouts).call(operation, INPUTS[operation]);

  it('is sent as the SDK sends it', async () => {
    await call();
    await sendBySdk(operation, INPUTS[operation]);
    const [mine, sdks] = server.received.map(({ method, url, headers, body }) => {
      const { ClientRequestToken, ...rest } = JSON.parse(body);
      return {
        method,
        url,
        type: headers['content-type'],
        target: headers['x-amz-target'],
        token: typeof ClientRequestToken,
        rest,
      };
    });
    expect(mine).toEqual(sdks);
    expect(mine?.target).toBe(`DynamoDB_20120810.${operation}`);
  });

  it('is signed for DynamoDB in its region', async () => {
    await call();
    expect(server.received[0]?.headers.authorization).toMatch(
      /Credential=test\/\d{8}\/us-east-1\/dynamodb\/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target,/,
    );
  });

  it.each([
    ['a server error', status(500)],
    ['a server error with a name', fault('InternalServerError', {}, 500)],
    ['throttling', fault('ProvisionedThroughputExceededException')],
    ['a limit', fault('ThrottlingException')],
    ['a cut', ((request) => request.socket.resetAndDestroy()) satisfies Answer],
    ['no answer', (() => {}) satisfies Answer, TIMEOUTS],
    [
      'half an answer',
      ((_, response) => response.writeHead(200, { 'content-length': '9' }).write('{')) satisfies Answer,
      TIMEOUTS,
    ],
  ] as [string, Answer, typeof TIMEOUTS?][])(
    'is tried again after %s, the very same',
    async (_, answer, timeouts) => {
      let asked = 0;
      server.answer = (request, response) => (++asked === 1 ? answer : json({}))(request, response);
      await call(timeouts);
      const bodies = new Set(server.received.map(({ body }) => body));
      expect(server.received.length).toBe(2);
      expect(bodies.size).toBe(1);
    },
  );

  it('is given up after three tries, with the last fault', async () => {
    server.answer = fault('ThrottlingException');
    expect(await rejected(call())).toMatchObject({ name: 'ThrottlingException', status: 400 });
    expect(server.received).toHaveLength(3);
    expect(clock.waits).toHaveLength(2);
  });

  it.each([
    'ValidationException',
    'ConditionalCheckFailedException',
    'ResourceNotFoundException',
    'AccessDeniedException',
  ])('is not tried again after %s', async (type) => {
    server.answer = fault(type);
    expect(await rejected(call())).toMatchObject({ name: type, message: 'no' });
    expect(server.received).toHaveLength(1);
  });
});

describe('a row', () => {
  it('is written and read as the SDK does it', () => {
    const property = fc.property(row, (one) => {
      const attributes = toAttributes(one);
      expect(attributes).toEqual(marshall(one));
      expect(toRow(attributes)).toEqual(one);
    });
    fc.assert(property, { numRuns: 1000 });
  });

  it('comes back from every answer that has one', async () => {
    const attributes = toAttributes(Item);
    const answers: [Operation, object, object][] = [
      ['GetItem', { Item: attributes }, { Item }],
      ['UpdateItem', { Attributes: attributes }, { Attributes: Item }],
      [
        'Query',
        { Items: [attributes, attributes], LastEvaluatedKey: toAttributes(Key) },
        { Items: [Item, Item], LastEvaluatedKey: Key },
      ],
      ['DeleteItem', { Attributes: attributes }, { Attributes: Item }],
      [
        'BatchGetItem',
        {
          Responses: { [TableName]: [attributes, attributes] },
          UnprocessedKeys: { [TableName]: { Keys: [toAttributes(Key)], ConsistentRead: true } },
        },
        {
          Responses: { [TableName]: [Item, Item] },
          UnprocessedKeys: { [TableName]: { Keys: [Key], ConsistentRead: true } },
        },
      ],
      ['TransactGetItems', { Responses: [{ Item: attributes }, {}] }, { Responses: [{ Item }, {}] }],
    ];
    for (const [operation, answer, expected] of answers) {
      server.answer = json(answer);
      expect(await ours().call(operation, INPUTS[operation])).toEqual(expected);
      expect(await sendBySdk(operation, INPUTS[operation])).toMatchObject(expected);
    }
  });

  it.each([undefined, null, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, [1], 1n])(
    'holds no %s',
    (value) => {
      expect(() => toAttributes({ value })).toThrow(/that no attribute of our tables may have/);
    },
  );

  it('is read without what somebody else added to it', () => {
    expect(
      toRow({ ...toAttributes({ seq: 1 }), tags: { NS: ['1'] } as never, note: { NULL: true } as never }),
    ).toEqual({
      seq: 1,
    });
  });
});

describe('a fault', () => {
  it.each([
    ['in the namespace of the API', fault('ValidationException')],
    ['with a capital message', json({ __type: 'ValidationException', Message: 'no' }, 400)],
    ['without a name', json({}, 400)],
    ['that is no JSON', status(400, {}, '<html>no</html>')],
  ])('%s has a name and a message', async (_, answer) => {
    server.answer = answer;
    const error = await rejected(ours().call('GetItem', INPUTS.GetItem));
    expect(error).toBeInstanceOf(DynamoDbError);
    expect(error).toMatchObject({
      name: expect.stringMatching(/^(?:ValidationException|HTTP 400)$/),
      message: expect.stringMatching(/./),
    });
  });

  it('that claims to be none has a name all the same, and quotes nothing of what came', async () => {
    server.answer = status(200, {}, '{"Item":{"data":{"S":"secret');
    const error = await rejected(ours().call('GetItem', INPUTS.GetItem));
    expect(error).toMatchObject({ name: 'HTTP 200' });
    expect(String((error as Error).stack)).not.toContain('secret');
    expect(server.received).toHaveLength(3);
  });

  it('of a condition tells the row as it stood', async () => {
    server.answer = fault('ConditionalCheckFailedException', { Item: toAttributes(Item) });
    expect(await rejected(ours().call('PutItem', INPUTS.PutItem))).toMatchObject({ Item });
  });

  it('of a transaction tells why, action by action', async () => {
    server.answer = fault('TransactionCanceledException', {
      CancellationReasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed', Item: toAttributes(Item) }],
    });
    expect(await rejected(ours().call('TransactWriteItems', INPUTS.TransactWriteItems))).toMatchObject({
      name: 'TransactionCanceledException',
      CancellationReasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed', Item }],
    });
    expect(server.received).toHaveLength(1);
  });

  it('of our own transaction, still under way, is waited out under the same token', async () => {
    let asked = 0;
    server.answer = (request, response) =>
      (++asked === 1 ? fault('TransactionInProgressException') : json({}))(request, response);
    await ours().call('TransactWriteItems', INPUTS.TransactWriteItems);
    const tokens = server.received.map(({ body }) => JSON.parse(body).ClientRequestToken);
    expect(tokens).toHaveLength(2);
    expect(tokens[0]).toBe(tokens[1]);
  });

  it('of our own transaction is waited out until five seconds after the first try, and not for long after', async () => {
    const triedAt: number[] = [];
    server.answer = (request, response) => {
      triedAt.push(clock.now());
      fault('TransactionInProgressException')(request, response);
    };
    expect(await rejected(ours().call('TransactWriteItems', INPUTS.TransactWriteItems))).toMatchObject({
      name: 'TransactionInProgressException',
    });
    const [first = 0, ...again] = triedAt.map((at) => at - (triedAt[0] ?? 0));
    expect(first).toBe(0);
    const last = again.pop() ?? 0;
    expect(last).toBeGreaterThan(5000);
    expect(last).toBeLessThanOrEqual(8000);
    for (const at of again) expect(at).toBeLessThanOrEqual(5000);
    expect(triedAt.length).toBeLessThan(10);
  });
});

it('a service may be elsewhere, behind a path', async () => {
  const endpoint = `${server.url}/dynamodb`;
  await createDynamoDb({ readAccess: readLocalAccess, endpoint, clock }).call(
    'DeleteItem',
    INPUTS.DeleteItem,
  );
  expect(server.received[0]?.url).toBe('/dynamodb');
});

describe('where AWS has a service', () => {
  const regions = [
    'us-east-1',
    'eu-central-1',
    'mx-central-1',
    'cn-northwest-1',
    'us-gov-west-1',
    'eusc-de-east-1',
    'us-iso-east-1',
    'us-isob-east-1',
    'us-isof-south-1',
    'eu-isoe-west-1',
  ];

  it.each(regions)('in %s is where the SDK looks', (region) => {
    const dynamodb = new DynamoDBClient({ region });
    const secrets = new SecretsManagerClient({ region });
    const urls = [dynamodb, secrets].map(
      ({ config }) => config.endpointProvider({ Region: region }).url.origin,
    );
    expect([serviceUrl('dynamodb', region), serviceUrl('secretsmanager', region)]).toEqual(urls);
    dynamodb.destroy();
    secrets.destroy();
  });
});
