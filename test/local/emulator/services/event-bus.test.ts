/** The events the Lambdas get from the local gateway, key by key as API Gateway sends them. */
import { expect, it } from 'vitest';
import { allow, connect, startLocal } from '../support.ts';

const ID = expect.stringMatching(/^[A-Za-z0-9_-]{15}=$/);
const AUTHORIZER = {
  principalId: 'alice',
  count: '1',
  yes: 'true',
  text: 'x',
  integrationLatency: expect.any(Number),
};

const contextOf = (url: string) => ({
  messageDirection: 'IN',
  authorizer: AUTHORIZER,
  extendedRequestId: ID,
  requestId: ID,
  requestTime: expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
  requestTimeEpoch: expect.any(Number),
  connectedAt: expect.any(Number),
  stage: 'local',
  apiId: 'herald',
  domainName: new URL(url).host,
  connectionId: ID,
  identity: { userAgent: 'test', sourceIp: '127.0.0.1' },
});

const startWithContext = () =>
  startLocal({ handlers: { authorizer: (event) => allow(event, { count: 1, yes: true, text: 'x' }) } });
const HEADERS = { headers: { 'X-Device-Id': 'phone', 'User-Agent': 'test' } };

it.concurrent('CONNECT has headers in the sender’s case, the query, and the context as strings', async () => {
  await using local = await startWithContext();
  await connect(`${local.wsUrl}?a=1&a=2&b=%20x`, HEADERS);
  const event = await local.event('connect');
  expect(Object.keys(event).sort()).toEqual([
    'headers',
    'isBase64Encoded',
    'multiValueHeaders',
    'multiValueQueryStringParameters',
    'queryStringParameters',
    'requestContext',
  ]);
  expect(event.headers).toMatchObject({
    'X-Device-Id': 'phone',
    'X-Forwarded-For': '127.0.0.1',
    'X-Forwarded-Proto': 'http',
    'Sec-WebSocket-Version': '13',
  });
  expect(Object.keys(event.headers)).not.toContain('Connection');
  expect(event.multiValueHeaders['X-Device-Id']).toEqual(['phone']);
  expect(event.queryStringParameters).toEqual({ a: '2', b: ' x' });
  expect(event.multiValueQueryStringParameters).toEqual({ a: ['1', '2'], b: [' x'] });
  expect(event.requestContext).toEqual({
    ...contextOf(local.url),
    routeKey: '$connect',
    eventType: 'CONNECT',
  });
});

it.concurrent('without a query there are no query keys', async () => {
  await using local = await startLocal();
  await connect(local.wsUrl);
  expect(await local.event('connect')).not.toHaveProperty('queryStringParameters');
  expect(await local.event('connect')).not.toHaveProperty('multiValueQueryStringParameters');
});

it.concurrent('the authorizer gets the methodArn and the hop-by-hop headers, and no authorizer context', async () => {
  await using local = await startWithContext();
  await connect(local.wsUrl, HEADERS);
  const event = await local.event('authorizer');
  expect(event.type).toBe('REQUEST');
  expect(event.methodArn).toMatch(/^arn:aws:execute-api:us-east-1:\d{12}:herald\/local\/\$connect$/);
  expect(event.headers).toMatchObject({ Connection: 'Upgrade', Upgrade: 'websocket' });
  expect(event.requestContext).not.toHaveProperty('authorizer');
});

it.concurrent('MESSAGE has neither headers nor query, and a message id', async () => {
  await using local = await startWithContext();
  const { ws } = await connect(`${local.wsUrl}?a=1`, HEADERS);
  ws.send('{"action":"ping"}');
  expect(await local.event('message')).toEqual({
    requestContext: {
      ...contextOf(local.url),
      routeKey: '$default',
      eventType: 'MESSAGE',
      messageId: ID,
    },
    body: '{"action":"ping"}',
    isBase64Encoded: false,
  });
});

it.concurrent('DISCONNECT has four stub headers, the close code and its reason', async () => {
  await using local = await startWithContext();
  const { ws } = await connect(local.wsUrl, HEADERS);
  ws.close();
  const headers = { Host: new URL(local.url).host, 'x-api-key': '', 'X-Forwarded-For': '', 'x-restapi': '' };
  expect(await local.event('disconnect')).toEqual({
    headers,
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    requestContext: {
      ...contextOf(local.url),
      routeKey: '$disconnect',
      eventType: 'DISCONNECT',
      disconnectStatusCode: 1005,
      disconnectReason: 'Client-side close frame status not set',
    },
    isBase64Encoded: false,
  });
});

it.concurrent('the connection id is the same on all routes', async () => {
  await using local = await startLocal();
  const { ws } = await connect(local.wsUrl);
  ws.send('x');
  await local.event('message');
  ws.close(1000, 'bye');
  const events = ['authorizer', 'connect', 'message', 'disconnect'].map((name) => local.event(name));
  const ids = (await Promise.all(events)).map(({ requestContext }) => requestContext.connectionId);
  expect(new Set(ids).size).toBe(1);
});
