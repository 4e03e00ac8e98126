/** What the local stack serves for the console: our files and nothing else, in forms a browser takes, and tokens for this machine only. */
import { request } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type SpawnedStack, spawnStack } from '../../../local/cli/spawn.ts';

let stack: SpawnedStack | undefined;
const url = (path: string): string => `${stack?.httpUrl}${path}`;

beforeAll(async () => {
  stack = await spawnStack(['--quiet']);
});
afterAll(() => stack?.stop());

interface Answer {
  status: number | undefined;
  body: string;
}

/** Sends the path as it is, which `fetch` would tidy up, and any `Host`. */
const get = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url('/'));
    request({ hostname, port, path, headers }, async (response) => {
      let body = '';
      for await (const chunk of response) body += chunk;
      resolve({ status: response.statusCode, body });
    })
      .once('error', reject)
      .end();
  });

it.each([
  ['/', 'text/html; charset=utf-8'],
  ['/console/style.css', 'text/css; charset=utf-8'],
  ['/console/icon.svg', 'image/svg+xml'],
  ['/console/main.ts', 'text/javascript; charset=utf-8'],
  ['/client/index.ts', 'text/javascript; charset=utf-8'],
  ['/client/inbox/live-inbox.ts', 'text/javascript; charset=utf-8'],
  ['/client/bell/bell-element.ts', 'text/javascript; charset=utf-8'],
])('%s is %s, with a policy that allows only our own origin', async (path, type) => {
  const response = await fetch(url(path));
  expect([response.status, response.headers.get('content-type')]).toEqual([200, type]);
  expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/);
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
});

it('TypeScript comes without its types', async () => {
  const { body } = await get('/client/types.ts');
  expect(body).toContain('class HeraldError');
  expect(body).not.toMatch(/\binterface\b|import type/);
});

it.each([
  '/console/../package.json',
  '/console/..%2fpackage.json',
  '/client/../../../etc/passwd',
  '/console/tsconfig.json',
  '/console/',
  '/client',
  '/package.json',
  '/lambdas/app.ts',
  '/console/__proto__',
])('%s is not there', async (path) => {
  expect((await get(path)).status).toBe(404);
});

it('gives a user’s token to a page of this machine', async () => {
  const { status, body } = await get('/console/token?user=alice');
  expect(status).toBe(200);
  const [, claims = ''] = JSON.parse(body).token.split('.');
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
    sub: 'alice',
    herald: { subscribe: ['topic:news', 'topic:news.*'] },
  });
});

it('gives none to a page of another site', async () => {
  const strange: Record<string, string>[] = [
    { host: 'evil.example:8787' },
    { origin: 'https://evil.example' },
  ];
  for (const path of ['/console/token?user=alice', '/console/runs', '/console/settings'])
    for (const headers of strange) expect((await get(path, headers)).status).toBe(403);
});

it('tells the settings that decide what the page may do', async () => {
  expect(JSON.parse((await get('/console/settings')).body)).toEqual({
    closedTypes: false,
    events: false,
    everyone: true,
    subscribe: ['topic:news', 'topic:news.*'],
  });
});

it.each(['', '?user=', '?user=%00'])('refuses a token for no user: %s', async (query) => {
  expect((await get(`/console/token${query}`)).status).toBe(400);
});

it('tells how long each run of a Lambda took', async () => {
  const runs = await fetch(url('/console/runs'));
  const body = JSON.stringify({ to: { user: 'alice' }, type: 'test', data: null });
  const headers = { 'content-type': 'application/json' };
  await fetch(url('/notifications'), { method: 'POST', headers, body });
  const reader = runs.body?.pipeThrough(new TextDecoderStream()).getReader();
  const { value = '' } = (await reader?.read()) ?? {};
  await reader?.cancel();
  expect(JSON.parse(value.replace(/^data: /, ''))).toEqual({
    name: 'notify',
    milliseconds: expect.any(Number),
  });
});
