/** Who may speak to the local stack: programs of this machine, our own page and whom an option names; no page of another site. */
import { request } from 'node:http';
import { expect, it } from 'vitest';
import { createGate, type GateOptions } from '../../../local/emulator/gate.ts';
import { type Local, refusal, startLocal } from './support.ts';

const PORT = 8787;
const OWN = '127.0.0.1:8787';

type Headers = Record<string, string>;
type Request = Parameters<ReturnType<typeof createGate>['requestProblem']>[0];

const asked = (headers: Headers, method = 'POST') =>
  ({ method, headers: { host: OWN, ...headers } }) as Request;
const lets = (headers: Headers, options: GateOptions = {}, method?: string) =>
  createGate(options, PORT).requestProblem(asked(headers, method)) === undefined;
const letsConnect = (headers: Headers, options: GateOptions = {}) =>
  createGate(options, PORT).upgradeProblem(asked(headers, 'GET')) === undefined;

it.each([
  ['127.0.0.1:8787', true],
  ['localhost:8787', true],
  ['LOCALHOST:8787', true],
  ['[::1]:8787', true],
  ['127.0.0.1', false],
  ['127.0.0.1:80', false],
  ['evil.example:8787', false],
  ['127.0.0.1.evil.example:8787', false],
  ['localhost.evil.example:8787', false],
  ['constructor', false],
  ['', false],
])('Host %j: %s, for requests and WebSockets alike', (host, may) => {
  expect([lets({ host }), letsConnect({ host })]).toEqual([may, may]);
});

it('takes the host names it is given, with their port or with any', () => {
  const options = { hosts: ['laptop.local', 'tunnel.example:443'] };
  expect(lets({ host: 'laptop.local:8787' }, options)).toBe(true);
  expect(lets({ host: 'tunnel.example:443' }, options)).toBe(true);
  expect(lets({ host: 'tunnel.example:8787' }, options)).toBe(false);
});

it.each([
  ['http://127.0.0.1:8787', true],
  ['http://localhost:8787', false], // another origin than the one that was asked
  ['http://localhost:5173', false],
  ['https://evil.example', false],
  ['https://listed.example', true],
  ['null', false],
  ['nonsense', false],
])('a request of a page of %s: %s', (origin, may) => {
  expect(lets({ origin }, { origins: ['https://listed.example'] })).toBe(may);
});

it.each([
  ['http://127.0.0.1:8787', true],
  ['http://localhost:5173', true],
  ['https://app.localhost', true],
  ['http://[::1]:3000', true],
  ['https://evil.example', false],
  ['http://localhost.evil.example', false],
  ['capacitor://localhost', false],
  ['null', false],
  ['https://listed.example', true],
])('a WebSocket of a page of %s: %s', (origin, may) => {
  expect(letsConnect({ origin }, { origins: ['https://listed.example'] })).toBe(may);
});

it('refuses what another site embeds, and lets a link of it lead to the console', () => {
  const image = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
  const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  expect(lets(image, {}, 'GET')).toBe(false);
  expect(lets({ ...image, 'sec-fetch-site': 'same-site' }, {}, 'GET')).toBe(false);
  expect(lets(link, {}, 'GET')).toBe(true);
  expect(lets({ 'sec-fetch-site': 'same-origin' }, {}, 'GET')).toBe(true);
});

interface Answer {
  status: number | undefined;
  headers: Record<string, unknown>;
  body: string;
}

/** With any headers, which `fetch` would not send. */
const send = (local: Local, path: string, method: string, headers: Headers, body = ''): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request(local.url + path, { method, headers }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode, headers: response.headers, body: text });
    });
    sent.once('error', reject).end(body);
  });

const TARGETS: [name: string, path: string, headers: Headers][] = [
  ['a notification', '/notifications', { 'content-type': 'text/plain' }],
  ['an Invoke', '/2015-03-31/functions/notify/invocations', {}],
  ['an event', '/', { 'x-amz-target': 'AWSEvents.PutEvents' }],
  ['the secret', '/', { 'x-amz-target': 'secretsmanager.GetSecretValue' }],
  ['a post', '/local/@connections/abc=', {}],
];

it.concurrent.each(TARGETS)('keeps %s from other sites, and says why', async (_name, path, headers) => {
  await using local = await startLocal({
    handlers: { notify: () => ({ statusCode: 200 }) },
    http: { routes: { 'POST /notifications': 'notify' } },
  });
  const strange: Headers[] = [{ origin: 'https://evil.example' }, { host: 'evil.example' }];
  for (const bad of strange) {
    const { status, body } = await send(local, path, 'POST', { ...headers, ...bad }, '{"SecretId":"jwt"}');
    expect([status, JSON.parse(body).message]).toEqual([403, expect.stringContaining('evil.example')]);
  }
  expect(local.events('notify')).toEqual([]);
  expect(local.logged).toContainEqual(expect.objectContaining({ message: 'refused', method: 'POST' }));
});

it.concurrent('refuses a handshake of another site before any Lambda runs', async () => {
  await using local = await startLocal();
  expect(await refusal(local.wsUrl, { headers: { Origin: 'https://evil.example' } })).toBe(403);
  expect(await refusal(local.wsUrl, { headers: { Host: 'evil.example' } })).toBe(403);
  expect(local.events('authorizer')).toEqual([]);
});

it.concurrent('lets a listed page read the answers', async () => {
  const origin = 'https://app.example';
  await using local = await startLocal({ gate: { origins: [origin] } });
  const asked = { origin, 'access-control-request-method': 'POST' };
  const preflight = await send(local, '/notifications', 'OPTIONS', asked);
  expect(preflight.status).toBe(204);
  expect(preflight.headers['access-control-allow-origin']).toBe(origin);
  const { status, headers } = await send(local, '/nothing', 'GET', { origin });
  expect([status, headers['access-control-allow-origin']]).toEqual([404, origin]);
});
