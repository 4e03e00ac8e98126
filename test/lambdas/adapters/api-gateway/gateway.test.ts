/** What API Gateway answers, and what the domain is told: our own client against a server on loopback. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createManagementApi } from '#aws-client';
import { createGateway } from '../../../../lambdas/adapters/api-gateway/gateway.ts';
import type { ManagementApiOptions } from '../../../../lambdas/aws/management-api.ts';
import type { Access } from '../../../../lambdas/aws/signature.ts';
import { messageFrame } from '../../../../lambdas/protocol/frames.ts';
import { aMessage, NOW } from '../../../support/builders.ts';
import { createMemoryLogger, type MemoryLogger } from '../../../support/memory-logger.ts';
import { status, useScriptedServer } from '../../../support/scripted-server.ts';

const CONNECTION_ID = 'Xk3vQf1_IAMCJ7w=';
const FRAME = messageFrame('user:alice', { ...aMessage(), data: '{"secret":"grün 🌱"}' });
const TEXT =
  '{"event":"message","channel":"user:alice","seq":1,"id":"m","type":"t",' +
  `"data":{"secret":"grün 🌱"},"sentAt":${NOW}}`;
/** For what must fail by them. */
const TIMEOUTS = { connectMs: 500, requestMs: 200 };
/** For what must not, on whatever machine. */
const PATIENT = { connectMs: 30_000, requestMs: 30_000 };

const server = useScriptedServer();
let logger: MemoryLogger;

const errorType = (name: string) => ({ 'x-amzn-ErrorType': name });
const connection = () => ({
  connectionId: CONNECTION_ID,
  endpoint: `${server.url}/prod`,
  dialect: 'herald.v1' as const,
});
const gateway = (options: Partial<ManagementApiOptions> = {}) =>
  createGateway(logger, createManagementApi({ readAccess: () => access, timeouts: PATIENT, ...options }));
const post = (options?: Partial<ManagementApiOptions>) => gateway(options).post(connection(), FRAME);
const postInTime = () => post({ timeouts: TIMEOUTS });
const close = () => gateway().close(connection());

let access: Access;

beforeEach(() => {
  logger = createMemoryLogger();
  access = { region: 'eu-west-1', accessKeyId: 'A', secretAccessKey: 'S', sessionToken: undefined };
});

describe('post', () => {
  it('sends the frame as it is to the connection, below the path of the stage', async () => {
    server.answer = status(200);
    expect(await post()).toBe('sent');
    expect(server.received).toHaveLength(1);
    expect(server.received[0]).toMatchObject({ method: 'POST', body: TEXT });
    expect(decodeURIComponent(server.received[0]?.url ?? '')).toBe(`/prod/@connections/${CONNECTION_ID}`);
  });

  it.each([
    ['410 as AWS names it', 'gone', status(410, errorType('GoneException'), '{"message":"gone"}')],
    ['410 without a name or a body', 'gone', status(410)],
    ['410 with a body that is no JSON', 'gone', status(410, {}, '<html>Gone</html>')],
    ['429 as AWS names it', 'throttled', status(429, errorType('LimitExceededException'), '{}')],
    ['429 without a name', 'throttled', status(429)],
    ['429 with a body that is no JSON', 'throttled', status(429, {}, 'Too Many Requests')],
  ])('%s: %s, in one request, and it is no news for the log', async (_, outcome, scripted) => {
    server.answer = scripted;
    expect(await post()).toBe(outcome);
    expect(server.received).toHaveLength(1);
    expect(logger.entries).toEqual([]);
  });

  it.each([
    ['400', status(400, errorType('BadRequestException'), '{"message":"Invalid connectionId"}'), 400],
    ['403', status(403, errorType('ForbiddenException'), '{"message":"Forbidden"}'), 403],
    ['413', status(413, errorType('PayloadTooLargeException'), '{"message":"too large"}'), 413],
    ['500', status(500, errorType('InternalServerError'), '{"message":"oops"}'), 500],
    ['503 with a body that is no JSON', status(503, {}, '<html>Unavailable</html>'), 503],
  ])('%s: failed, in one request, logged once with its status', async (_, scripted, code) => {
    server.answer = scripted;
    expect(await post()).toBe('failed');
    expect(server.received).toHaveLength(1);
    expect(logger.entries).toMatchObject([
      { level: 'warn', fields: { action: 'post', connectionId: CONNECTION_ID, status: code } },
    ]);
  });

  it('fails a request that is never answered, within its time', async () => {
    server.answer = () => {};
    expect(await postInTime()).toBe('failed');
    expect(logger.entries).toMatchObject([{ fields: { error: { name: 'TimeoutError' } } }]);
  });

  it('fails a request that is put off again and again, within its time', async () => {
    server.answer = (request, response) => {
      const beat = setInterval(() => response.writeProcessing(), TIMEOUTS.requestMs / 4);
      request.socket.once('close', () => clearInterval(beat));
    };
    expect(await postInTime()).toBe('failed');
    expect(logger.entries).toMatchObject([{ fields: { error: { name: 'TimeoutError' } } }]);
  });

  it('fails an answer that stops half-way', async () => {
    server.answer = (_, response) => response.writeHead(500, { 'content-length': '100' }).write('{"mess');
    expect(await postInTime()).toBe('failed');
    expect(logger.entries).toHaveLength(1);
  });

  it('tries again on a fresh socket when the kept one was cut', async () => {
    server.answer = (request, response) =>
      server.received.length === 1 ? request.socket.destroy() : status(200)(request, response);
    expect(await post()).toBe('sent');
    expect(server.received).toHaveLength(2);
    expect(logger.entries).toEqual([]);
  });

  it('fails when every socket is cut', async () => {
    server.answer = (request) => request.socket.resetAndDestroy();
    expect(await post()).toBe('failed');
    expect(logger.entries).toHaveLength(1);
  });

  it('fails when nobody listens', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const address = closed.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    await new Promise((resolve) => closed.close(resolve));
    const endpoint = `http://127.0.0.1:${address.port}`;
    expect(await gateway().post({ ...connection(), endpoint }, FRAME)).toBe('failed');
    expect(logger.entries).toHaveLength(1);
  });

  it('never writes a frame to the log', async () => {
    server.answer = status(500, {}, 'oops');
    await post();
    server.answer = (request) => request.socket.resetAndDestroy();
    await post();
    const written = logger.entries.map(({ fields }) => {
      const error = fields.error instanceof Error ? `${fields.error.message}${fields.error.stack}` : '';
      return JSON.stringify(fields) + error;
    });
    expect(written).toHaveLength(2);
    expect(written.join()).not.toContain('secret');
  });

  it('keeps its sockets, at most 64, and serves what waits for one', async () => {
    const sockets = new Set<unknown>();
    server.answer = (request, response) => {
      sockets.add(request.socket);
      response.writeHead(200).end();
    };
    const { post } = gateway();
    for (let round = 0; round < 3; round++) {
      const outcomes = await Promise.all(Array.from({ length: 120 }, () => post(connection(), FRAME)));
      expect(new Set(outcomes)).toEqual(new Set(['sent']));
    }
    expect(sockets.size).toBe(64);
  });

  it.each(['', '/', '/aws'])(
    'goes elsewhere when that is said, at %j, below the path of the stage',
    async (path) => {
      server.answer = status(200);
      const lost = { ...connection(), endpoint: 'https://nobody.invalid/prod' };
      const led = gateway({ override: `${server.url}${path}` });
      expect(await led.post(lost, FRAME)).toBe('sent');
      expect(await led.close(lost)).toBe('sent');
      const [posted, closed] = server.received;
      const url = `${path.replace('/', '') && '/aws'}/prod/@connections/${encodeURIComponent(CONNECTION_ID)}`;
      expect([posted, closed]).toMatchObject([
        { method: 'POST', url, body: TEXT },
        { method: 'DELETE', url },
      ]);
      expect(posted?.headers.host).toBe(new URL(server.url).host);
    },
  );

  it('gets through when every kept socket was cut while the Lambda was frozen', async () => {
    const sockets: Socket[] = [];
    server.answer = (request, response) => {
      sockets.push(request.socket);
      response.writeHead(200).end();
    };
    const { post } = gateway();
    await Promise.all(Array.from({ length: 50 }, () => post(connection(), FRAME)));
    const old = new WeakSet(sockets);
    server.answer = (request, response) =>
      old.has(request.socket) ? request.socket.resetAndDestroy() : status(200)(request, response);
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => post(connection(), FRAME)));
    expect(new Set(outcomes)).toEqual(new Set(['sent']));
    expect(logger.entries).toEqual([]);
  });

  it('fails what waits for too long', async () => {
    server.answer = () => {};
    const { post } = gateway({ timeouts: TIMEOUTS });
    const outcomes = await Promise.all(Array.from({ length: 5 * 64 }, () => post(connection(), FRAME)));
    expect(new Set(outcomes)).toEqual(new Set(['failed']));
    expect(server.received.length).toBeLessThan(5 * 64);
  });

  it('gets through when the server has spoken on a kept connection, and closed it', async () => {
    server.answer = status(200);
    const { post } = gateway();
    await post(connection(), FRAME);
    const closed = server.sockets.map((socket) => once(socket, 'close'));
    for (const socket of server.sockets)
      socket.write('HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n');
    await Promise.all(closed);
    expect(await post(connection(), FRAME)).toBe('sent');
    expect(logger.entries).toEqual([]);
  });

  it('signs with the credentials of the moment', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    server.answer = status(200);
    const { post } = gateway();
    await post(connection(), FRAME);
    access = { region: 'eu-west-1', accessKeyId: 'B', secretAccessKey: 'T', sessionToken: 'session' };
    vi.advanceTimersByTime(1000);
    await post(connection(), FRAME);
    vi.useRealTimers();
    const [first, second] = server.received.map(({ headers }) => headers);
    expect(first?.authorization).toContain('Credential=A/');
    expect(first).not.toHaveProperty('x-amz-security-token');
    expect(second?.authorization).toContain('Credential=B/');
    expect(second?.['x-amz-security-token']).toBe('session');
  });

  it('fails without credentials, and says which', async () => {
    const lacking = () => {
      throw new Error('AWS_SECRET_ACCESS_KEY is not set');
    };
    expect(await gateway({ readAccess: lacking }).post(connection(), FRAME)).toBe('failed');
    expect(logger.entries).toMatchObject([
      { fields: { error: { message: 'AWS_SECRET_ACCESS_KEY is not set' } } },
    ]);
  });
});

describe('close', () => {
  it('deletes the connection', async () => {
    server.answer = status(204);
    expect(await close()).toBe('sent');
    expect(server.received).toMatchObject([{ method: 'DELETE' }]);
  });

  it('says when it is gone already', async () => {
    server.answer = status(410, errorType('GoneException'), '{}');
    expect(await close()).toBe('gone');
  });
});
