/** EventBridge, Invoke and Secrets Manager as the real SDK clients see them, and SQS as our own does. */
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { expect, it } from 'vitest';
import { createEventSender } from '../../../../lambdas/aws/event-bridge.ts';
import { createBatchSender, createQueueSender } from '../../../../lambdas/aws/sqs.ts';
import { eventually, type Local, RESOURCES, startLocal } from '../support.ts';

const settings = ({ url }: Local) => ({
  endpoint: url,
  region: 'us-east-1',
  credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  maxAttempts: 1,
});

const readAccess = () => ({
  region: 'us-east-1',
  accessKeyId: 'x',
  secretAccessKey: 'x',
  sessionToken: undefined,
});

const ENTRY = { Source: 'shop', DetailType: 'Notification', Detail: '{"a":1}', EventBusName: 'herald' };
const BUS_ARN = 'arn:aws:events:us-east-1:000000000000:event-bus/herald';

it.concurrent('PutEvents invokes the notify Lambda with an event of the real form', async () => {
  await using local = await startLocal({ handlers: { notify: () => ({}) } });
  const Time = new Date('2026-11-20T10:00:00.500Z');
  const command = new PutEventsCommand({
    Entries: [{ ...ENTRY, EventBusName: BUS_ARN, Time, Resources: ['r'] }],
  });
  const answer = await new EventBridgeClient(settings(local)).send(command);
  expect(answer.FailedEntryCount).toBe(0);
  expect(await local.event('notify')).toEqual({
    version: '0',
    id: answer.Entries?.[0]?.EventId,
    'detail-type': 'Notification',
    source: 'shop',
    account: '000000000000',
    time: '2026-11-20T10:00:00Z',
    region: 'us-east-1',
    resources: ['r'],
    detail: { a: 1 },
  });
});

it.concurrent('PutEvents reports each entry that failed in its place, and takes the others', async () => {
  await using local = await startLocal({ handlers: { notify: () => ({}) } });
  const { Source: _, ...withoutSource } = ENTRY;
  const command = new PutEventsCommand({
    Entries: [
      ENTRY,
      withoutSource,
      { ...ENTRY, Detail: '[1]' },
      { ...ENTRY, EventBusName: 'other' },
      { ...ENTRY, DetailType: 'Something else' },
    ],
  });
  const { FailedEntryCount, Entries } = await new EventBridgeClient(settings(local)).send(command);
  expect(FailedEntryCount).toBe(3);
  expect(Entries?.map(({ ErrorCode }) => ErrorCode)).toEqual([
    undefined,
    'InvalidArgument',
    'MalformedDetail',
    'ResourceNotFoundException',
    undefined,
  ]);
  await local.asyncInvoker.stop();
  expect(local.events('notify')).toHaveLength(1);
});

it.concurrent('PutEvents refuses more than ten entries', async () => {
  await using local = await startLocal();
  const command = new PutEventsCommand({ Entries: Array.from({ length: 11 }, () => ENTRY) });
  await expect(new EventBridgeClient(settings(local)).send(command)).rejects.toMatchObject({
    name: 'ValidationException',
    $metadata: { httpStatusCode: 400 },
  });
});

it.concurrent('an event that no rule matches is told', async () => {
  await using local = await startLocal({ handlers: { notify: () => null } });
  const Entries = [{ ...ENTRY, DetailType: 'Something' }];
  await new EventBridgeClient(settings(local)).send(new PutEventsCommand({ Entries }));
  await local.asyncInvoker.stop();
  expect(local.events('notify')).toEqual([]);
  expect(local.logged).toEqual([
    {
      message: 'event matches no rule',
      source: ENTRY.Source,
      detailType: 'Something',
      expected: 'Notification',
    },
  ]);
});

it.concurrent('an event of ours is shown to whoever watches, from then on, and one of others is not', async () => {
  await using local = await startLocal({ handlers: { notify: () => null } });
  const put = createEventSender({ busName: 'herald', endpoint: local.url, readAccess });
  const own = (at: number) => ({ source: 'herald', detailType: 'Client Message', detail: `{"at":${at}}` });
  await put(own(1));
  const watching = await fetch(`${local.url}/local/events`);
  expect(watching.headers.get('content-type')).toBe('text/event-stream');
  await new EventBridgeClient(settings(local)).send(new PutEventsCommand({ Entries: [ENTRY] }));
  await put(own(2));
  const { value } = (await watching.body?.getReader().read()) ?? {};
  expect(new TextDecoder().decode(value)).toBe(
    'data: {"source":"herald","detail-type":"Client Message","detail":{"at":2}}\n\n',
  );
  expect(local.logged.filter(({ message }) => message === 'event matches no rule')).toEqual([]);
});

it.concurrent('the stack tells where its tables are', async () => {
  await using local = await startLocal();
  expect(await (await fetch(`${local.url}/local/resources`)).json()).toEqual(RESOURCES);
});

it.concurrent.each(['events', 'resources'])('a page from elsewhere does not see /local/%s', async (what) => {
  await using local = await startLocal();
  const headers = { origin: 'https://evil.example' };
  expect((await fetch(`${local.url}/local/${what}`, { headers })).status).toBe(403);
});

it.concurrent.each(['1e300', '-1e300', '"nonsense"', '253402300800', '{}', '[null]', '"__proto__"'])(
  'an event of the time %s is one of now',
  async (time) => {
    await using local = await startLocal({ handlers: { notify: () => null } });
    const Entries = `[{"EventBusName":"herald","Source":"s","DetailType":"Notification","Detail":"{}","Time":${time}}]`;
    const headers = { 'x-amz-target': 'AWSEvents.PutEvents' };
    const response = await fetch(local.url, { method: 'POST', headers, body: `{"Entries":${Entries}}` });
    expect(await response.json()).toMatchObject({ FailedEntryCount: 0 });
    const event = (await local.event('notify')) as unknown as { time: string };
    expect(Math.abs(Date.parse(event.time) - Date.now())).toBeLessThan(60_000);
  },
);

it.concurrent('a function that cannot be decoded is not found', async () => {
  await using local = await startLocal();
  const path = '/2015-03-31/functions/%zz/invocations';
  expect((await fetch(local.url + path, { method: 'POST' })).status).toBe(404);
});

it.concurrent('an asynchronous run is tried three times under one request id, then is a dead letter', async () => {
  await using local = await startLocal({
    handlers: { notify: () => Promise.reject(new Error('no')) },
  });
  await new EventBridgeClient(settings(local)).send(new PutEventsCommand({ Entries: [ENTRY] }));
  const letter = await eventually(() => local.logged.find(({ message }) => message === 'dead letter'));
  expect(local.events('notify')).toHaveLength(3);
  expect(letter).toMatchObject({ condition: 'RetriesExhausted', invocations: 3 });
  expect(new Set(local.logged.map(({ requestId }) => requestId)).size).toBe(1);
});

const invoke = (local: Local, input: Partial<InvokeCommand['input']> = {}) =>
  new LambdaClient(settings(local)).send(
    new InvokeCommand({ FunctionName: 'notify', Payload: '{"a":1}', ...input }),
  );

it.concurrent.each([
  'notify',
  'herald-notify',
  'herald-notify:live',
  'arn:aws:lambda:us-east-1:000000000000:function:herald-notify',
])('Invoke knows the function as %s', async (FunctionName) => {
  await using local = await startLocal({ handlers: { notify: (event) => ({ got: event }) } });
  const { StatusCode, FunctionError, Payload, ExecutedVersion } = await invoke(local, { FunctionName });
  expect({ StatusCode, FunctionError, ExecutedVersion }).toEqual({
    StatusCode: 200,
    FunctionError: undefined,
    ExecutedVersion: '$LATEST',
  });
  expect(JSON.parse(Payload?.transformToString() ?? '')).toEqual({ got: { a: 1 } });
});

it.concurrent('Invoke tells a throw by FunctionError, with status 200', async () => {
  await using local = await startLocal({
    handlers: { notify: () => Promise.reject(new TypeError('no')) },
  });
  const { StatusCode, FunctionError, Payload } = await invoke(local);
  expect([StatusCode, FunctionError]).toEqual([200, 'Unhandled']);
  expect(JSON.parse(Payload?.transformToString() ?? '')).toEqual({
    errorType: 'TypeError',
    errorMessage: 'no',
    trace: expect.any(Array),
  });
});

it.concurrent('Invoke of type Event is 202 and runs later, DryRun 204 and runs nothing', async () => {
  await using local = await startLocal({ handlers: { notify: () => null } });
  expect((await invoke(local, { InvocationType: 'DryRun' })).StatusCode).toBe(204);
  expect((await invoke(local, { InvocationType: 'Event' })).StatusCode).toBe(202);
  await local.event('notify');
  await local.asyncInvoker.stop();
  expect(local.events('notify')).toHaveLength(1);
});

it.concurrent('Invoke refuses unknown functions and payloads that are no JSON', async () => {
  await using local = await startLocal({ handlers: { notify: () => null } });
  await expect(invoke(local, { FunctionName: 'other' })).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  });
  await expect(invoke(local, { Payload: '{' })).rejects.toMatchObject({
    name: 'InvalidRequestContentException',
  });
});

it.concurrent('GetSecretValue knows the JWT secret by name and by ARN, and no other', async () => {
  await using local = await startLocal();
  const secrets = new SecretsManagerClient(settings(local));
  const { ARN, SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: 'jwt' }));
  expect(SecretString).toBe('a secret');
  const byArn = await secrets.send(new GetSecretValueCommand({ SecretId: ARN }));
  expect(byArn.SecretString).toBe('a secret');
  await expect(secrets.send(new GetSecretValueCommand({ SecretId: 'other' }))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  });
});

const queueUrl = ({ url }: Local, name = 'herald-reconcile') => `${url}/000000000000/${name}`;

it.concurrent('SendMessage puts a message into the queue that reconcile reads', async () => {
  await using local = await startLocal({ handlers: { reconcile: () => ({ batchItemFailures: [] }) } });
  const send = createQueueSender({
    queueUrl: queueUrl(local),
    endpoint: local.url,
    readAccess,
  });
  await send({ body: 'müller 🦊', delaySeconds: 0 });
  expect(await local.event('reconcile')).toMatchObject({
    Records: [
      {
        messageId: expect.any(String),
        body: 'müller 🦊',
        eventSource: 'aws:sqs',
        eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:herald-reconcile',
      },
    ],
  });
});

it.concurrent('a message that fails every try is told as a dead letter', async () => {
  await using local = await startLocal({
    handlers: { reconcile: () => Promise.reject(new Error('no')) },
  });
  await postMessage(local, { QueueUrl: queueUrl(local), MessageBody: 'poison' });
  const letter = await eventually(() => local.logged.find(({ message }) => message === 'dead letter'));
  expect(letter).toMatchObject({ queue: 'herald-reconcile', body: 'poison', receives: 5 });
  expect(local.events('reconcile')).toHaveLength(5);
});

const postSqs = (local: Local, operation: string, input: object) =>
  fetch(local.url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${operation}` },
    body: JSON.stringify(input),
  });

const postMessage = (local: Local, input: object) => postSqs(local, 'SendMessage', input);

it.concurrent('SendMessageBatch puts every message into the queue of fan-outs, one for each run', async () => {
  await using local = await startLocal({ handlers: { 'fan-out': () => ({ batchItemFailures: [] }) } });
  const send = createBatchSender({
    queueUrl: queueUrl(local, 'herald-fan-out'),
    endpoint: local.url,
    readAccess,
  });
  const bodies = Array.from({ length: 25 }, (_, at) => `range ${at}`);
  await send(bodies.map((body) => ({ body, delaySeconds: 0, groupId: 'topic' })));
  await local.event('fan-out', bodies.length - 1);
  const records = local.events('fan-out').map((event) => (event as unknown as { Records: object[] }).Records);
  expect(records.every(({ length }) => length === 1)).toBe(true);
  expect(new Set(records.flat().map((record) => (record as { body: string }).body))).toEqual(new Set(bodies));
  expect(records[0]).toMatchObject([{ attributes: { MessageGroupId: 'topic' } }]);
});

it.concurrent('SendMessageBatch reports each message that failed, and takes the others', async () => {
  await using local = await startLocal({ handlers: { reconcile: () => null } });
  const Entries = [
    { Id: 'good', MessageBody: 'hello' },
    { Id: 'bad', MessageBody: 'a\u0000' },
    { Id: 'group', MessageBody: 'hello', MessageGroupId: 'a b' },
  ];
  const response = await postSqs(local, 'SendMessageBatch', { QueueUrl: queueUrl(local), Entries });
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({
    Successful: [
      {
        Id: 'good',
        MessageId: expect.any(String),
        MD5OfMessageBody: '5d41402abc4b2a76b9719d911017c592',
      },
    ],
    Failed: [
      { Id: 'bad', SenderFault: true, Code: 'InvalidMessageContents', Message: expect.any(String) },
      { Id: 'group', SenderFault: true, Code: 'InvalidParameterValue', Message: expect.any(String) },
    ],
  });
});

const message = (Id: unknown, MessageBody = 'x') => ({ Id, MessageBody });

it.concurrent.each<[string, object[], string]>([
  ['none', [], 'EmptyBatchRequest'],
  ['eleven', Array.from({ length: 11 }, (_, at) => message(`${at}`)), 'TooManyEntriesInBatchRequest'],
  ['two of one id', [message('a'), message('a')], 'BatchEntryIdsNotDistinct'],
  ['one of a wrong id', [message('a b')], 'InvalidBatchEntryId'],
  ['one without an id', [message(undefined)], 'InvalidBatchEntryId'],
  ['over 1 MiB together', ['a', 'b'].map((id) => message(id, 'x'.repeat(600_000))), 'BatchRequestTooLong'],
])('SendMessageBatch refuses %s as a whole', async (_, Entries, type) => {
  await using local = await startLocal({ handlers: { reconcile: () => null } });
  const response = await postSqs(local, 'SendMessageBatch', { QueueUrl: queueUrl(local), Entries });
  expect([response.status, response.headers.get('x-amzn-errortype')]).toEqual([400, type]);
  expect(local.events('reconcile')).toEqual([]);
});

it.concurrent('SendMessage answers in its own version of the protocol', async () => {
  await using local = await startLocal({ handlers: { reconcile: () => null } });
  const response = await postMessage(local, { QueueUrl: queueUrl(local), MessageBody: 'hello' });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/x-amz-json-1.0');
  expect(await response.json()).toEqual({
    MessageId: expect.any(String),
    MD5OfMessageBody: '5d41402abc4b2a76b9719d911017c592',
  });
});

it.concurrent.each<[string, { name?: string; MessageBody?: unknown; DelaySeconds?: number }, string]>([
  ['no such queue', { name: 'other' }, 'QueueDoesNotExist'],
  ['no body', { MessageBody: '' }, 'MissingParameter'],
  ['a body of no text', { MessageBody: 1 }, 'MissingParameter'],
  ['a body beyond 1 MiB', { MessageBody: 'x'.repeat(1024 * 1024 + 1) }, 'InvalidParameterValue'],
  ['a character that XML has not', { MessageBody: 'a\u0000' }, 'InvalidMessageContents'],
  ['a negative delay', { DelaySeconds: -1 }, 'InvalidParameterValue'],
  ['a delay beyond 15 minutes', { DelaySeconds: 901 }, 'InvalidParameterValue'],
  ['a delay that is no integer', { DelaySeconds: 0.5 }, 'InvalidParameterValue'],
])('SendMessage refuses %s', async (_, { name, ...wrong }, type) => {
  await using local = await startLocal();
  const input = { QueueUrl: queueUrl(local, name), MessageBody: 'hello', ...wrong };
  const response = await postMessage(local, input);
  expect([response.status, response.headers.get('x-amzn-errortype')]).toEqual([400, type]);
});
