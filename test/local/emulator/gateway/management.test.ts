/** `@connections` as the real SDK client sees it. */

import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  GoneException,
  LimitExceededException,
  PayloadTooLargeException,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { expect, it } from 'vitest';
import { connect, eventually, type Local, startLocal } from '../support.ts';

const UNKNOWN = 'AbCdEfGhIjKlMn0=';

const clientOf = (local: Local) =>
  new ApiGatewayManagementApiClient({
    endpoint: `${local.url}/local`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
    maxAttempts: 1,
  });

const post = (ConnectionId: string, Data = 'hello') => new PostToConnectionCommand({ ConnectionId, Data });
const idOf = async (local: Local, at = 0) => (await local.event('connect', at)).requestContext.connectionId;
const failureOf = (work: Promise<unknown>): Promise<Error & { $metadata?: object }> =>
  work.then(
    () => Promise.reject(new Error('it did not fail')),
    (error) => error,
  );

it.concurrent('POST sends the body as one text message', async () => {
  await using local = await startLocal();
  const client = await connect(local.wsUrl);
  await clientOf(local).send(post(await idOf(local), '{"é":1}'));
  expect(await client.next()).toBe('{"é":1}');
});

it.concurrent('accepts @connections and %40connections, and ids escaped or not', async () => {
  await using local = await startLocal();
  const client = await connect(local.wsUrl);
  const id = await idOf(local);
  for (const path of [`@connections/${id}`, `%40connections/${encodeURIComponent(id)}`]) {
    const response = await fetch(`${local.url}/local/${path}`, { method: 'POST', body: path });
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(await client.next()).toBe(path);
  }
});

it.concurrent('POST before the socket is open is 410, as if it were dead', async () => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<string>();
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  await using local = await startLocal({
    handlers: {
      connect: async ({ requestContext }) => {
        ask(requestContext.connectionId);
        await answered;
        return { statusCode: 200 };
      },
    },
  });
  const opening = connect(local.wsUrl);
  const id = await asked;
  const failure = await failureOf(clientOf(local).send(post(id)));
  answer();
  const client = await opening;
  expect(failure).toBeInstanceOf(GoneException);
  await clientOf(local).send(post(id, 'now'));
  expect(await client.next()).toBe('now');
});

it.concurrent('the time between success of $connect and open can be stretched, and is 410 too', async () => {
  await using local = await startLocal();
  local.gateway.faults.openDelayMs = 1000;
  const opening = connect(local.wsUrl);
  const failure = await failureOf(clientOf(local).send(post(await idOf(local))));
  expect(failure).toBeInstanceOf(GoneException);
  await opening;
});

it.concurrent('an id that never was, and one that is closed, are GoneException', async () => {
  await using local = await startLocal();
  const { ws } = await connect(local.wsUrl);
  const id = await idOf(local);
  ws.close();
  await local.event('disconnect');
  for (const connectionId of [id, UNKNOWN]) {
    const failure = await failureOf(clientOf(local).send(post(connectionId)));
    expect(failure).toBeInstanceOf(GoneException);
    expect(failure.$metadata).toMatchObject({ httpStatusCode: 410 });
  }
});

it.concurrent('a malformed id is BadRequestException, another stage ForbiddenException', async () => {
  await using local = await startLocal();
  expect(await failureOf(clientOf(local).send(post('nonsense')))).toMatchObject({
    name: 'BadRequestException',
    $metadata: { httpStatusCode: 400 },
  });
  const response = await fetch(`${local.url}/prod/@connections/${UNKNOWN}`, { method: 'POST', body: 'x' });
  expect(response.status).toBe(403);
  expect(response.headers.get('x-amzn-errortype')).toBe('ForbiddenException');
  const malformed = await fetch(`${local.url}/local/@connections/%`, { method: 'POST', body: 'x' });
  expect(malformed.status).toBe(400);
});

it.concurrent('128 KB pass, more is PayloadTooLargeException', async () => {
  await using local = await startLocal();
  const client = await connect(local.wsUrl);
  const id = await idOf(local);
  await clientOf(local).send(post(id, 'x'.repeat(128 * 1024)));
  expect(await client.next()).toHaveLength(128 * 1024);
  const failure = await failureOf(clientOf(local).send(post(id, 'x'.repeat(128 * 1024 + 1))));
  expect(failure).toBeInstanceOf(PayloadTooLargeException);
});

it.concurrent('GET tells instants the SDK can read', async () => {
  await using local = await startLocal();
  await connect(local.wsUrl, { headers: { 'User-Agent': 'test' } });
  const id = await idOf(local);
  const about = await clientOf(local).send(new GetConnectionCommand({ ConnectionId: id }));
  expect(about).toMatchObject({
    ConnectedAt: expect.any(Date),
    LastActiveAt: expect.any(Date),
    Identity: { SourceIp: '127.0.0.1', UserAgent: 'test' },
  });
});

it.concurrent('DELETE is 204, closes with 1000, and the id is gone at once', async () => {
  await using local = await startLocal();
  const { closed } = await connect(local.wsUrl);
  const id = await idOf(local);
  const { $metadata } = await clientOf(local).send(new DeleteConnectionCommand({ ConnectionId: id }));
  expect($metadata.httpStatusCode).toBe(204);
  expect(await failureOf(clientOf(local).send(post(id)))).toBeInstanceOf(GoneException);
  expect((await closed).code).toBe(1000);
  expect((await local.event('disconnect')).requestContext).toMatchObject({
    disconnectStatusCode: 1000,
    disconnectReason: 'Connection Closed Normally',
  });
});

it.concurrent('a client that does not read is throttled with LimitExceededException', async () => {
  await using local = await startLocal({ gateway: { maxUnsentBytes: 64 * 1024, closeTimeoutMs: 10 } });
  const { port } = new URL(local.url);
  const socket = connectTcp(Number(port), '127.0.0.1');
  await once(socket, 'connect');
  socket.pause();
  socket.write(
    `GET /local HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  const id = await idOf(local);
  const get = new GetConnectionCommand({ ConnectionId: id });
  await eventually(() =>
    clientOf(local)
      .send(get)
      .catch(() => undefined),
  ); // until it is open
  const fill = async () => {
    for (;;) await clientOf(local).send(post(id, 'x'.repeat(120 * 1024)));
  };
  expect(await failureOf(fill())).toBeInstanceOf(LimitExceededException);
  socket.destroy();
});

it.concurrent('faults: 429 on demand, and 410 although the frame arrived', async () => {
  await using local = await startLocal();
  const client = await connect(local.wsUrl);
  const id = await idOf(local);
  local.gateway.faults.throttlePosts = true;
  expect(await failureOf(clientOf(local).send(post(id, 'a')))).toBeInstanceOf(LimitExceededException);
  local.gateway.faults.throttlePosts = false;
  local.gateway.faults.goneAfterDelivery = true;
  expect(await failureOf(clientOf(local).send(post(id, 'b')))).toBeInstanceOf(GoneException);
  expect(await client.next()).toBe('b');
});
