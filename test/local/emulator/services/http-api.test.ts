/** The HTTPS requests: events of payload format 2.0, and what becomes of a Lambda's answer. */
import { once } from 'node:events';
import { request } from 'node:http';
import { expect, it } from 'vitest';
import { listen } from '../../../../local/emulator/server.ts';
import { type Local, recordingLogger, startLocal } from '../support.ts';

const ROUTES = { 'POST /notifications': 'notify', 'GET /users/{userId}/messages': 'users' };

const startWith = (handler: () => unknown, http = {}) =>
  startLocal({ handlers: { notify: handler, users: handler }, http: { routes: ROUTES, ...http } });

it.concurrent('a POST with JSON is an event of payload format 2.0', async () => {
  await using local = await startWith(() => ({ statusCode: 200 }));
  await fetch(`${local.url}/notifications`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'X-Device-Id': 'phone',
      'User-Agent': 'test',
      Cookie: 'a=1; b=2',
    },
    body: '{"é":1}',
  });
  const event = await local.event('notify');
  expect(event).toMatchObject({
    version: '2.0',
    routeKey: 'POST /notifications',
    rawPath: '/notifications',
    rawQueryString: '',
    cookies: ['a=1', 'b=2'],
    headers: { 'content-type': 'application/json', 'x-device-id': 'phone' },
    requestContext: {
      http: {
        method: 'POST',
        path: '/notifications',
        protocol: 'HTTP/1.1',
        sourceIp: '127.0.0.1',
        userAgent: 'test',
      },
      routeKey: 'POST /notifications',
      stage: '$default',
      timeEpoch: expect.any(Number),
    },
    body: '{"é":1}',
    isBase64Encoded: false,
  });
  expect(event).not.toHaveProperty('queryStringParameters');
  expect(event).not.toHaveProperty('pathParameters');
  expect(event.headers).not.toHaveProperty('cookie');
});

it.concurrent('path parameters are decoded; queries joined; no body, no key', async () => {
  await using local = await startWith(() => ({ statusCode: 200 }));
  await fetch(`${local.url}/users/a%252Fb%20%C3%A9/messages?after=1&after=2&x=%20?`);
  const event = await local.event('users');
  expect(event).toMatchObject({
    rawPath: '/users/a%2Fb é/messages',
    pathParameters: { userId: 'a%2Fb é' },
    queryStringParameters: { after: '1,2', x: ' ?' },
    rawQueryString: 'after=1&after=2&x=%20?',
  });
  expect(event).not.toHaveProperty('body');
});

it.concurrent('the path is decoded before it is matched, and cut at a question mark that was escaped', async () => {
  await using local = await startWith(() => ({ statusCode: 200 }));
  expect((await fetch(`${local.url}/users/a%2Fb/messages`)).status).toBe(404);
  await fetch(`${local.url}/users/alice%2Fmessages%3F/connections?after=1`);
  expect(await local.event('users')).toMatchObject({
    routeKey: 'GET /users/{userId}/messages',
    rawPath: '/users/alice/messages',
    pathParameters: { userId: 'alice' },
    rawQueryString: 'after=1',
  });
});

it.concurrent.each(['constructor', '__proto__'])('a header or query named %s is one', async (name) => {
  await using local = await startWith(() => ({ statusCode: 200 }));
  const asked = request(`${local.url}/users/x/messages?${name}=1`, {
    headers: ['Host', hostOf(local), name, 'a', name, 'b'],
  });
  await once(asked.end(), 'response');
  const event = await local.event('users');
  expect(Object.entries(event.headers)).toContainEqual([name, 'a,b']);
  expect(Object.entries(event.queryStringParameters ?? {})).toEqual([[name, '1']]);
});

const hostOf = ({ url }: Local): string => new URL(url).host;

it.concurrent('more headers than API Gateway takes are 431', async () => {
  await using local = await startWith(() => ({ statusCode: 200 }));
  const ask = async (length: number) =>
    (await fetch(`${local.url}/users/x/messages`, { headers: { x: 'x'.repeat(length) } })).status;
  expect([await ask(9_000), await ask(10_240)]).toEqual([200, 431]);
});

it.concurrent('a body that is not text comes in base64, a form too', async () => {
  await using local = await startWith(() => ({ statusCode: 200 }));
  await fetch(`${local.url}/notifications`, { method: 'POST', body: new URLSearchParams({ a: '1' }) });
  expect(await local.event('notify')).toMatchObject({ body: btoa('a=1'), isBase64Encoded: true });
});

it.concurrent.each([
  ['GET', '/nothing', 404],
  ['GET', '/notifications', 404],
  ['POST', '/notifications/', 404],
  ['GET', '/users//messages', 404],
  ['GET', '/users/%ZZ/messages', 400],
])('%s %s is %i', async (method, path, status) => {
  await using local = await startWith(() => ({ statusCode: 200 }));
  const response = await fetch(local.url + path, { method });
  expect(response.status).toBe(status);
  if (status === 404) expect(await response.json()).toEqual({ message: 'Not Found' });
});

it.concurrent('a result with a statusCode is the answer', async () => {
  await using local = await startWith(() => ({
    statusCode: 409,
    headers: { 'Content-Type': 'application/problem+json' },
    cookies: ['a=1'],
    body: btoa('{}'),
    isBase64Encoded: true,
  }));
  const response = await fetch(`${local.url}/users/x/messages`);
  expect([response.status, await response.text()]).toEqual([409, '{}']);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.getSetCookie()).toEqual(['a=1']);
});

it.concurrent('a result without a statusCode is the body of a 200', async () => {
  await using local = await startWith(() => ({ ok: true }));
  const response = await fetch(`${local.url}/users/x/messages`);
  expect([response.status, await response.json()]).toEqual([200, { ok: true }]);
  expect(response.headers.get('content-type')).toBe('application/json');
});

it.concurrent.each([
  ['throws', () => Promise.reject(new Error('no')), 500, 'Internal Server Error'],
  ['answers nonsense', () => ({ statusCode: 'x' }), 500, 'Internal Server Error'],
  ['takes too long', () => new Promise(() => {}), 503, 'Service Unavailable'],
])('a Lambda that %s', async (_, handler, status, message) => {
  await using local = await startWith(handler, { timeoutMs: 50 });
  const response = await fetch(`${local.url}/users/x/messages`);
  expect([response.status, await response.json()]).toEqual([status, { message }]);
});

it.concurrent('a body over the limit is 413', async () => {
  await using local = await startWith(() => ({ statusCode: 200 }), { maxBodyBytes: 10 });
  const response = await fetch(`${local.url}/notifications`, { method: 'POST', body: 'x'.repeat(11) });
  expect(response.status).toBe(413);
  expect(local.events('notify')).toEqual([]);
});

it.concurrent('answers 503 until all is up, also to /health', async () => {
  const server = await listen(0, recordingLogger().logger);
  const url = `http://127.0.0.1:${server.port}`;
  expect((await fetch(`${url}/health`)).status).toBe(503);
  expect((await fetch(`${url}/notifications`)).status).toBe(503);
  await server.stop();
  await using local = await startLocal();
  const response = await fetch(`${local.url}/health`);
  expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }]);
});
