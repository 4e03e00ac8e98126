/** What the SDK's client of DynamoDB is given, and what becomes of its errors; how it fares as ours does `npm run test:sdk` tells. */
import { beforeEach, expect, it } from 'vitest';
import { toAttributes } from '../../../../lambdas/aws/attributes.ts';
import { DynamoDbError } from '../../../../lambdas/aws/dynamodb.ts';
import { createDynamoDb } from '../../../../lambdas/aws/sdk/dynamodb.ts';
import type { Access } from '../../../../lambdas/aws/signature.ts';
import { readLocalAccess } from '../../../support/dynoxide.ts';
import { createQuickClock } from '../../../support/quick-clock.ts';
import { type Answer, status, useScriptedServer } from '../../../support/scripted-server.ts';

const server = useScriptedServer();
const KEY = { TableName: 'Messages', Key: { channel: 'user:alice', seq: 58 } };
const PUT = { TableName: 'Messages', Item: { channel: 'user:alice', seq: 58, data: '{}' } };

let access: Access;
const create = (tries?: number) =>
  createDynamoDb({
    readAccess: () => access,
    endpoint: server.url,
    clock: createQuickClock(),
    ...(tries !== undefined && { tries }),
  });

const fault = (type: string, fields: object = {}): Answer =>
  status(
    400,
    {},
    JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: 'no', ...fields }),
  );

const rejected = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error) => error,
  );

beforeEach(() => {
  access = readLocalAccess();
  server.answer = status(200, {}, '{}');
});

it('signs with the credentials and the region of the moment', async () => {
  const dynamodb = create();
  await dynamodb.call('DeleteItem', KEY);
  access = { ...access, accessKeyId: 'another', sessionToken: 'session' };
  await dynamodb.call('DeleteItem', KEY);
  const [first, second] = server.received.map(({ headers }) => headers);
  expect(first?.authorization).toContain('Credential=test/');
  expect(first?.authorization).toContain('/us-east-1/dynamodb/');
  expect(second?.authorization).toContain('Credential=another/');
  expect(second?.['x-amz-security-token']).toBe('session');
});

it('tells the row as it stood where a condition failed', async () => {
  server.answer = fault('ConditionalCheckFailedException', { Item: toAttributes(PUT.Item) });
  const error = await rejected(create().call('PutItem', PUT));
  expect(error).toBeInstanceOf(DynamoDbError);
  expect(error).toMatchObject({ name: 'ConditionalCheckFailedException', status: 400, Item: PUT.Item });
  expect(server.received).toHaveLength(1);
});

it('tells why a transaction was cancelled, action by action', async () => {
  const Item = toAttributes(PUT.Item);
  server.answer = fault('TransactionCanceledException', {
    CancellationReasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed', Item }],
  });
  const call = create().call('TransactWriteItems', { TransactItems: [{ Put: PUT }, { Put: PUT }] });
  expect(await rejected(call)).toMatchObject({
    name: 'TransactionCanceledException',
    CancellationReasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed', Item: PUT.Item }],
  });
});

it('waits for our own transaction, still under way, under the same token', async () => {
  let asked = 0;
  server.answer = (request, response) =>
    (++asked <= 3 ? fault('TransactionInProgressException') : status(200, {}, '{}'))(request, response);
  await create(1).call('TransactWriteItems', { TransactItems: [{ Put: PUT }] });
  const tokens = server.received.map(({ body }) => JSON.parse(body).ClientRequestToken);
  expect(tokens).toHaveLength(4);
  expect(new Set(tokens).size).toBe(1);
});

it('quotes nothing of an answer that is none', async () => {
  server.answer = status(200, {}, '{"Item":{"data":{"S":"secret');
  const error = await rejected(create(1).call('GetItem', { ...KEY, ConsistentRead: true }));
  expect(error).toMatchObject({ name: 'HTTP 200' });
  expect(String((error as Error).stack)).not.toContain('secret');
});

it('is no refusal when there is no answer', async () => {
  server.answer = (request) => request.socket.resetAndDestroy();
  const error = await rejected(create(1).call('GetItem', { ...KEY, ConsistentRead: true }));
  expect(error).toBeInstanceOf(Error);
  expect(error).not.toBeInstanceOf(DynamoDbError);
});

it('writes and reads sets as ours does', async () => {
  const channels = new Set(['topic:a', 'topic:ü']);
  const Item = { ...PUT.Item, channels };
  server.answer = status(200, {}, JSON.stringify({ Item: toAttributes(Item) }));
  expect(await create().call('GetItem', { ...KEY, ConsistentRead: true })).toMatchObject({ Item });
  await create().call('PutItem', { ...PUT, Item });
  expect(JSON.parse(server.received[1]?.body ?? '').Item).toEqual(toAttributes(Item));
});

it('tells what a batch left unprocessed', async () => {
  const Keys = [KEY.Key];
  const Responses = { Messages: [toAttributes(PUT.Item)] };
  const UnprocessedKeys = { Messages: { Keys: Keys.map(toAttributes), ConsistentRead: true } };
  server.answer = status(200, {}, JSON.stringify({ Responses, UnprocessedKeys }));
  const RequestItems = { Messages: { Keys, ConsistentRead: true } };
  expect(await create().call('BatchGetItem', { RequestItems })).toMatchObject({
    Responses: { Messages: [PUT.Item] },
    UnprocessedKeys: { Messages: { Keys, ConsistentRead: true } },
  });
});
