/** What API Gateway answers, and what the domain is told: the real SDK client against a server on loopback. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createGateway } from '../../lambdas/gateway/gateway.ts';
import { createMemoryLogger, type MemoryLogger } from '../support/memory-logger.ts';
import { status, useScriptedServer } from '../support/scripted-server.ts';

const CONNECTION_ID = 'Xk3vQf1_IAMCJ7w=';
const FRAME = '{"event":"message","data":{"secret":"grün 🌱"}}';
const TIMEOUTS = { connectMs: 500, requestMs: 200 };

const server = useScriptedServer();
let logger: MemoryLogger;

const errorType = (name: string) => ({ 'x-amzn-ErrorType': name });
const connection = () => ({ connectionId: CONNECTION_ID, endpoint: `${server.url}/prod` });
const post = () => createGateway(logger, TIMEOUTS).post(connection(), FRAME);
const close = () => createGateway(logger, TIMEOUTS).close(connection());

beforeAll(() => {
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
});

beforeEach(() => {
  logger = createMemoryLogger();
});

afterAll(() => {
  vi.unstubAllEnvs();
});

describe('post', () => {
  it('sends the frame as it is to the connection, below the path of the stage', async () => {
    server.answer = status(200);
    expect(await post()).toBe('sent');
    expect(server.received).toHaveLength(1);
    expect(server.received[0]).toMatchObject({ method: 'POST', body: FRAME });
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
    const startedAt = performance.now();
    expect(await post()).toBe('failed');
    expect(performance.now() - startedAt).toBeLessThan(10 * TIMEOUTS.requestMs);
    expect(logger.entries).toMatchObject([{ fields: { error: { name: 'TimeoutError' } } }]);
  });

  it('fails a request that is put off again and again, within its time', async () => {
    server.answer = (request, response) => {
      const beat = setInterval(() => response.writeProcessing(), TIMEOUTS.requestMs / 4);
      request.socket.once('close', () => clearInterval(beat));
    };
    expect(await post()).toBe('failed');
    expect(logger.entries).toMatchObject([{ fields: { error: { name: 'TimeoutError' } } }]);
  });

  it('fails an answer that stops half-way', async () => {
    server.answer = (_, response) => response.writeHead(500, { 'content-length': '100' }).write('{"mess');
    expect(await post()).toBe('failed');
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
    const gateway = createGateway(logger, TIMEOUTS);
    expect(await gateway.post({ connectionId: CONNECTION_ID, endpoint }, FRAME)).toBe('failed');
    expect(logger.entries).toHaveLength(1);
  });

  it('never writes a frame to the log', async () => {
    server.answer = status(500, {}, 'oops');
    await post();
    const fields = logger.entries[0]?.fields;
    const error = fields?.error;
    const written = error instanceof Error ? `${error.message}${error.stack}` : '';
    expect(JSON.stringify(fields) + written).not.toContain('secret');
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
