/** What the local gateway does with an open socket: messages, sizes, limits in time, closing. */
import { expect, it } from 'vitest';
import { connect, eventually, startLocal } from '../support.ts';

const KB = 1024;

it.concurrent.each([
  ['throws', () => Promise.reject(new Error('no'))],
  ['takes too long', () => new Promise(() => {})],
  ['answers what is no proxy response', () => ({ ok: true })],
])('a Lambda that %s is told to the client in a frame, and the socket stays open', async (_, message) => {
  await using local = await startLocal({ handlers: { message }, gateway: { integrationTimeoutMs: 50 } });
  const client = await connect(local.wsUrl);
  client.ws.send('x');
  const text = await client.next();
  const { requestContext } = await local.event('message');
  const { connectionId, requestId } = requestContext;
  expect(text).toBe(
    `{"message": "Internal server error", "connectionId":"${connectionId}", "requestId":"${requestId}"}`,
  );
  expect(client.ws.readyState).toBe(client.ws.OPEN);
});

it.concurrent('a status of 300 and more from a one-way route reaches nobody, nor does a body', async () => {
  await using local = await startLocal({ handlers: { message: () => ({ statusCode: 501, body: 'x' }) } });
  const client = await connect(local.wsUrl);
  client.ws.send('x');
  await local.event('message');
  client.ws.close();
  await client.closed;
  expect(client.unread).toEqual([]);
});

it.concurrent('messages of one connection run at the same time', async () => {
  const { promise: second, resolve } = Promise.withResolvers<void>();
  await using local = await startLocal({
    handlers: {
      message: async ({ body }) => {
        if (body === 'second') resolve();
        await second; // the first ends only because the second runs beside it
        return { statusCode: 200 };
      },
    },
    gateway: { integrationTimeoutMs: 5000 },
  });
  const client = await connect(local.wsUrl);
  client.ws.send('first');
  client.ws.send('second');
  await second;
  expect(client.unread).toEqual([]);
});

it.concurrent('a message whose action is a route of its own goes there, every other one to $default', async () => {
  await using local = await startLocal({ handlers: { notify: () => ({ statusCode: 200 }) } });
  const { ws } = await connect(local.wsUrl);
  const published = '{"action":"publish"}';
  ws.send(published);
  expect(await local.event('notify')).toMatchObject({
    requestContext: { routeKey: 'publish', eventType: 'MESSAGE' },
    body: published,
  });
  const others = [
    ...['{"action":"$connect"}', '{"action":"$disconnect"}', '{"action":"$default"}', '{"action":"Publish"}'],
    ...[
      '{"action":["publish"]}',
      '[{"action":"publish"}]',
      '"publish"',
      'publish',
      '{"action":"constructor"}',
    ],
  ];
  for (const [at, other] of others.entries()) {
    ws.send(other);
    expect(await local.event('message', at)).toMatchObject({
      requestContext: { routeKey: '$default' },
      body: other,
    });
  }
  expect(local.events('notify')).toHaveLength(1);
  expect(local.events('connect')).toHaveLength(1);
  expect(local.events('disconnect')).toEqual([]);
});

it.concurrent('a dispatch delay lets messages overtake each other', async () => {
  await using local = await startLocal();
  const delays = [40, 0];
  local.gateway.faults.dispatchDelayMs = () => delays.shift() ?? 0;
  const { ws } = await connect(local.wsUrl);
  ws.send('first');
  ws.send('second');
  expect((await local.event('message', 0)).body).toBe('second');
  expect((await local.event('message', 1)).body).toBe('first');
});

it.concurrent('a frame of 32 KB passes, one byte more closes with 1009', async () => {
  await using local = await startLocal();
  const { ws, closed } = await connect(local.wsUrl);
  ws.send('x'.repeat(32 * KB));
  expect((await local.event('message')).body).toHaveLength(32 * KB);
  ws.send('x'.repeat(32 * KB + 1));
  expect((await closed).code).toBe(1009);
  expect((await local.event('disconnect')).requestContext.disconnectStatusCode).toBe(1009);
  expect(local.events('message')).toHaveLength(1);
});

it.concurrent('128 KB in fragments pass, more closes with 1009', async () => {
  await using local = await startLocal();
  const { ws, closed } = await connect(local.wsUrl);
  const sendKilobytes = (count: number) => {
    for (let sent = 32; sent <= count; sent += 32) ws.send('x'.repeat(32 * KB), { fin: sent === count });
  };
  sendKilobytes(128);
  expect((await local.event('message')).body).toHaveLength(128 * KB);
  sendKilobytes(160);
  expect((await closed).code).toBe(1009);
  expect((await local.event('disconnect')).requestContext.disconnectStatusCode).toBe(1009);
});

it.concurrent('a binary message closes with 1003', async () => {
  await using local = await startLocal();
  const { ws, closed } = await connect(local.wsUrl);
  ws.send(Buffer.from([1]));
  expect((await closed).code).toBe(1003);
  expect(local.events('message')).toEqual([]);
});

it.concurrent('silence for the idle time closes with 1001 "Going away"', async () => {
  await using local = await startLocal({ gateway: { idleMs: 30 } });
  const { closed } = await connect(local.wsUrl);
  expect(await closed).toEqual({ code: 1001, reason: 'Going away' });
  expect((await local.event('disconnect')).requestContext).toMatchObject({
    disconnectStatusCode: 1001,
    disconnectReason: 'Going away',
  });
});

it.concurrent('the maximum age closes a busy connection with 1001', async () => {
  await using local = await startLocal({ gateway: { maxAgeMs: 60 } });
  const { ws, closed } = await connect(local.wsUrl);
  const talk = setInterval(() => ws.send('x'), 5);
  expect((await closed).code).toBe(1001);
  clearInterval(talk);
});

it.concurrent('the code and reason of the client reach $disconnect', async () => {
  await using local = await startLocal();
  const { ws } = await connect(local.wsUrl);
  ws.close(4000, 'done');
  expect((await local.event('disconnect')).requestContext).toMatchObject({
    disconnectStatusCode: 4000,
    disconnectReason: 'done',
  });
});

it.concurrent('what $disconnect answers or throws counts for nothing', async () => {
  await using local = await startLocal({ handlers: { disconnect: () => Promise.reject(new Error('no')) } });
  const { ws } = await connect(local.wsUrl);
  ws.close();
  expect(await eventually(() => local.logged[0])).toMatchObject({ message: '$disconnect failed' });
});

it.concurrent('$disconnect can be late', async () => {
  await using local = await startLocal();
  local.gateway.faults.disconnectDelayMs = 50;
  const { ws } = await connect(local.wsUrl);
  const closedAt = Date.now();
  ws.close();
  await local.event('disconnect');
  expect(Date.now() - closedAt).toBeGreaterThanOrEqual(45);
});

it.concurrent('$disconnect can be lost', async () => {
  await using local = await startLocal();
  local.gateway.faults.dropDisconnect = true;
  const { ws, closed } = await connect(local.wsUrl);
  ws.close();
  await closed;
  await local.gateway.stop();
  expect(local.events('disconnect')).toEqual([]);
});

it.concurrent('to stop is to close every connection with 1001, and to wait for $disconnect', async () => {
  await using local = await startLocal({
    handlers: { disconnect: () => new Promise((resolve) => setImmediate(resolve, { statusCode: 200 })) },
  });
  const clients = [await connect(local.wsUrl), await connect(local.wsUrl)];
  await local.gateway.stop();
  expect(local.events('disconnect')).toHaveLength(2);
  expect(await Promise.all(clients.map(({ closed }) => closed))).toEqual([
    { code: 1001, reason: 'Going away' },
    { code: 1001, reason: 'Going away' },
  ]);
});
