/** How the local gateway decides a handshake, compared with API Gateway. */
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { allow, connect, refusal, startLocal, type TestEvent } from '../support.ts';

const failing = (message: string) => () => {
  throw new Error(message);
};
const never = () => new Promise(() => {});
const policy = (changes: object) => (event: TestEvent) => ({
  principalId: 'alice',
  policyDocument: {
    Statement: [{ Action: 'execute-api:Invoke', Effect: 'Allow', Resource: event.methodArn, ...changes }],
  },
});

const AUTHORIZERS: [string, (event: TestEvent) => unknown, number][] = [
  ['throws exactly "Unauthorized"', failing('Unauthorized'), 401],
  ['throws any other text', failing('Unauthorized.'), 500],
  ['denies', policy({ Effect: 'Deny' }), 403],
  ['allows another method', policy({ Resource: 'arn:aws:execute-api:us-east-1:0:x/y/$connect' }), 403],
  [
    'allows a REST resource',
    (event) => policy({ Resource: event.methodArn.replace('$connect', '*/*') })(event),
    403,
  ],
  [
    'allows the whole stage',
    (event) => policy({ Resource: event.methodArn.replace('$connect', '*') })(event),
    101,
  ],
  ['gives the simple response of HTTP APIs', () => ({ isAuthorized: true }), 500],
  ['gives a proxy result', () => ({ statusCode: 401 }), 500],
  ['gives nothing', () => undefined, 500],
  ['gives no principalId', (event) => ({ ...allow(event), principalId: undefined }), 500],
  ['puts a list into the context', (event) => allow(event, { list: [1] }), 500],
  ['says more than 8 KB', (event) => allow(event, { text: 'x'.repeat(8192) }), 500],
];

it.concurrent.each(AUTHORIZERS)('an authorizer that %s', async (_, authorizer, status) => {
  await using local = await startLocal({ handlers: { authorizer } });
  expect(await refusal(local.wsUrl)).toBe(status);
  expect(local.events('connect')).toHaveLength(status === 101 ? 1 : 0);
});

it.concurrent('a URL or headers that API Gateway would not take', async () => {
  await using local = await startLocal();
  const url = (length: number) => `${local.wsUrl}?${'x'.repeat(length - local.wsUrl.length - 1)}`;
  expect([await refusal(url(4096)), await refusal(url(4097))]).toEqual([101, 414]);
  expect(await refusal(local.wsUrl, { headers: { x: 'x'.repeat(10_240) } })).toBe(431);
});

it.concurrent.each(['constructor', '__proto__'])('a header named %s is one', async (name) => {
  await using local = await startLocal();
  expect(await refusal(local.wsUrl, { headers: JSON.parse(`{"${name}":"a"}`) })).toBe(101);
  const { headers } = await local.event('connect');
  expect(Object.getOwnPropertyDescriptor(headers, name)?.value).toBe('a');
});

const CONNECTS: [string, () => unknown, number][] = [
  ['answers 201', () => ({ statusCode: 201 }), 101],
  ['answers 301', () => ({ statusCode: 301 }), 301],
  ['answers 400', () => ({ statusCode: 400, body: 'no' }), 400],
  ['answers 501', () => ({ statusCode: 501 }), 501],
  ['throws', failing('Unauthorized'), 502],
  ['answers nothing', () => undefined, 502],
  ['answers one key too many', () => ({ statusCode: 200, ok: true }), 502],
  ['answers a body that is no text', () => ({ statusCode: 200, body: {} }), 502],
  ['answers no statusCode', () => ({ body: '' }), 502],
];

it.concurrent.each(CONNECTS)('a $connect that %s', async (_, connect, status) => {
  await using local = await startLocal({ handlers: { connect } });
  expect(await refusal(local.wsUrl)).toBe(status);
});

it.concurrent('answers 504 when $connect takes longer than the integration time-out', async () => {
  await using local = await startLocal({
    handlers: { connect: never },
    gateway: { integrationTimeoutMs: 30 },
  });
  expect(await refusal(local.wsUrl)).toBe(504);
});

it.concurrent('answers 502 when the function itself runs out of time', async () => {
  await using local = await startLocal({ handlers: { connect: never }, functionTimeoutMs: 30 });
  expect(await refusal(local.wsUrl)).toBe(502);
});

it.concurrent('answers 500 when the authorizer takes too long', async () => {
  await using local = await startLocal({
    handlers: { authorizer: never },
    gateway: { integrationTimeoutMs: 30 },
  });
  expect(await refusal(local.wsUrl)).toBe(500);
});

it.concurrent('answers 403 to another stage, and 503 once it stops', async () => {
  await using local = await startLocal();
  expect(await refusal(local.wsUrl.replace('/local', '/prod'))).toBe(403);
  await local.gateway.stop();
  expect(await refusal(local.wsUrl)).toBe(503);
});

it.concurrent('sends the sub-protocol of the $connect response, trimmed of nothing', async () => {
  await using local = await startLocal({
    handlers: { connect: () => ({ statusCode: 200, headers: { 'Sec-WebSocket-Protocol': 'herald.v1' } }) },
  });
  const { ws } = await connect(local.wsUrl, { subprotocols: ['herald.v1', 'bearer.abc'] });
  expect(ws.protocol).toBe('herald.v1');
  const { headers } = await local.event('connect');
  expect(headers['Sec-WebSocket-Protocol']).toBe('herald.v1,bearer.abc');
});

it.concurrent('sends no sub-protocol of its own, so that a client that offered some fails', async () => {
  await using local = await startLocal();
  await expect(connect(local.wsUrl, { subprotocols: ['herald.v1'] })).rejects.toThrow('subprotocol');
});

it.concurrent('sends a sub-protocol nobody offered, if $connect says so', async () => {
  await using local = await startLocal({
    handlers: { connect: () => ({ statusCode: 200, headers: { 'sec-websocket-protocol': 'x' } }) },
  });
  await expect(connect(local.wsUrl)).rejects.toThrow('subprotocol');
});

it.concurrent('does not negotiate compression', async () => {
  await using local = await startLocal();
  const { ws } = await connect(local.wsUrl);
  expect(ws.extensions).toBe('');
});

it.concurrent('tells $disconnect of a client that left during the handshake', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  await using local = await startLocal({
    handlers: { connect: () => released.then(() => ({ statusCode: 200 })) },
  });
  const ws = new WebSocket(local.wsUrl);
  ws.on('error', () => {}); // it is cut on purpose
  await local.event('connect');
  ws.terminate();
  release();
  const { requestContext } = await local.event('disconnect');
  expect(requestContext.disconnectStatusCode).toBe(1006);
});
