/** What our own client does for posts beyond what is asked of any: a busy or a silent server holds up nobody it need not. */
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { createManagementApi } from '../../../../lambdas/aws/lean/management-api.ts';
import { readLocalAccess } from '../../../support/dynoxide.ts';
import { status, useScriptedServer } from '../../../support/scripted-server.ts';

const server = useScriptedServer();

function poster(requestMs: number) {
  const api = createManagementApi({
    readAccess: readLocalAccess,
    timeouts: { connectMs: 30_000, requestMs },
  });
  return (connectionId = 'Xk3vQf1_IAMCJ7w='): Promise<number | string> =>
    api.post({ connectionId, endpoint: `${server.url}/prod` }, '{}').then(
      (answer) => answer.status,
      (error: Error) => error.name,
    );
}

it('does not count against a post what it waits for others that hang', async () => {
  server.answer = (request, response) => {
    if (!request.url?.includes('hangs')) response.writeHead(200).end();
  };
  const post = poster(2000);
  const hanging = Array.from({ length: 64 }, (_, index) => post(`hangs${index}`));
  const fine = Array.from({ length: 100 }, () => post());
  expect(new Set(await Promise.all(fine))).toEqual(new Set([200]));
  expect(new Set(await Promise.all(hanging))).toEqual(new Set(['TimeoutError']));
});

it('does not go from one connection that has fallen silent to the next', async () => {
  const silent = new WeakSet<Socket>();
  server.answer = (request, response) => {
    if (!silent.has(request.socket)) response.writeHead(200).end();
  };
  const post = poster(1000);
  await Promise.all(Array.from({ length: 10 }, () => post()));
  for (const socket of server.sockets) silent.add(socket);
  expect(await post()).toBe('TimeoutError');
  expect(await post()).toBe(200);
});

it('gets through when what the server said, as it gave the connection up, comes as the answer', async () => {
  server.answer = (request, response) =>
    status(server.received.length === 1 ? 408 : 200, { connection: 'close' })(request, response);
  expect(await poster(30_000)()).toBe(200);
  expect(server.received).toHaveLength(2);
});
