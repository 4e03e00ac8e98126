/** The edges of the WebSocket routes: what they take from the event and what they may answer. */
import { describe, expect, it } from 'vitest';
import { Busy } from '../../../lambdas/domain/errors.ts';
import type { ConnectionStore } from '../../../lambdas/domain/ports/connection-store.ts';
import { createConnectHandler } from '../../../lambdas/handlers/connect.ts';
import { createDisconnectHandler } from '../../../lambdas/handlers/disconnect.ts';
import type { AuthorizerContext, WebSocketEvent } from '../../../lambdas/handlers/events.ts';
import { createMessageHandler } from '../../../lambdas/handlers/message.ts';
import { aConnection, aContext, anApp, NOW, type TestApp } from '../../support/builders.ts';
import { loadNoStomp, withoutStomp } from '../../support/no-stomp.ts';

const CONNECTION_ID = 'Xk3vQf1_IAMCJ7w=';

const event = (
  eventType: WebSocketEvent['requestContext']['eventType'],
  over: Partial<AuthorizerContext> = {},
  body?: string,
): WebSocketEvent => ({
  requestContext: {
    eventType,
    connectionId: CONNECTION_ID,
    connectedAt: NOW - 10,
    requestTimeEpoch: NOW - 10,
    authorizer: {
      userId: 'alice',
      deviceId: 'phone',
      ackMode: 'auto',
      tokenExpiresAt: String(NOW + 60_000),
      ...over,
    },
  },
  ...(body !== undefined && { body }),
});

const rowsOf = (app: TestApp) => app.connections.list('alice');

describe('$connect', () => {
  const connect = (app: TestApp, over: Partial<AuthorizerContext> = {}) =>
    createConnectHandler({ ...app, ...withoutStomp })(event('CONNECT', over));

  it('answers 200 and nothing more to a client that offered no sub-protocol', async () => {
    expect(await connect(anApp())).toStrictEqual({ statusCode: 200 });
  });

  it('answers the one sub-protocol when it was offered, whatever the context says it was', async () => {
    for (const subprotocol of ['herald.v1', 'bearer.secret']) {
      expect(await connect(anApp(), { subprotocol })).toStrictEqual({
        statusCode: 200,
        headers: { 'Sec-WebSocket-Protocol': 'herald.v1' },
      });
    }
  });

  it('writes the row from the authorizer’s context before it answers', async () => {
    const app = anApp();
    await connect(app, { ackMode: 'client' });
    expect(await rowsOf(app)).toEqual([
      expect.objectContaining({
        userId: 'alice',
        connectionId: CONNECTION_ID,
        deviceId: 'phone',
        ackMode: 'client',
        connectedAt: NOW - 10,
        tokenExpiresAt: NOW + 60_000,
        readyAt: undefined,
        bye: undefined,
      }),
    ]);
  });

  it('answers 400 to a bad device id or ack mode, says why, and writes nothing', async () => {
    const app = anApp();
    const badRequest = 'ack: expected auto or client';
    expect(await connect(app, { badRequest, subprotocol: 'herald.v1' })).toStrictEqual({
      statusCode: 400,
      body: badRequest,
    });
    expect(await rowsOf(app)).toEqual([]);
    expect(app.logger.entries).toEqual([
      { level: 'warn', message: 'handshake refused', fields: { userId: 'alice', reason: badRequest } },
    ]);
  });

  it('fails when the row cannot be written, so that no socket opens without one', async () => {
    const app = anApp();
    const connections: ConnectionStore = {
      ...app.connections,
      add: async () => Promise.reject(new Busy('throttled')),
    };
    await expect(
      createConnectHandler({ ...app, ...withoutStomp, connections })(event('CONNECT')),
    ).rejects.toThrow('throttled');
  });
});

describe('$disconnect', () => {
  it('removes the row of its own connection only', async () => {
    const app = anApp();
    await app.connections.add(aConnection({ connectionId: CONNECTION_ID, deviceId: 'phone' }), 'r1');
    await app.connections.add(aConnection({ connectionId: 'newer', deviceId: 'phone' }), 'r2');
    expect(await createDisconnectHandler({ ...app, ...withoutStomp })(event('DISCONNECT'))).toStrictEqual({
      statusCode: 200,
    });
    expect((await rowsOf(app)).map(({ connectionId }) => connectionId)).toEqual(['newer']);
  });

  it('does not mind that there is none', async () => {
    expect(await createDisconnectHandler({ ...anApp(), ...withoutStomp })(event('DISCONNECT'))).toStrictEqual(
      { statusCode: 200 },
    );
  });
});

describe('$default', () => {
  const send = async (app: TestApp, body: string | undefined, over: Partial<AuthorizerContext> = {}) => {
    await app.connections.add(
      aConnection({
        connectionId: CONNECTION_ID,
        deviceId: over.deviceId ?? 'phone',
        ...(over.tokenExpiresAt && { tokenExpiresAt: Number(over.tokenExpiresAt) }),
      }),
      'r',
    );
    const result = await createMessageHandler(app, loadNoStomp)(event('MESSAGE', over, body), aContext());
    expect(result).toStrictEqual({ statusCode: 200 });
    return app.posted.map(({ connectionId, frame }) => {
      expect(connectionId).toBe(CONNECTION_ID);
      return frame;
    });
  };

  it('answers by a frame, not by its result', async () => {
    expect(await send(anApp(), '{"action":"ping"}')).toEqual([
      { event: 'pong', epoch: expect.any(String), head: 0, subscriptions: [], serverAt: NOW },
    ]);
  });

  it.each([
    ['bad_json', '{'],
    ['bad_json', undefined],
    ['bad_frame', '[]'],
    ['unknown_action', '{"action":"publish","ref":"r"}'],
    ['unknown_action', '{"action":"$connect"}'],
    ['frame_too_large', 'x'.repeat(32_769)],
    ['ack_past_head', '{"action":"ack","seq":1,"ref":"r"}'],
    ['unknown_channel', '{"action":"ack","seq":0,"channel":"user:bob"}'],
    ['epoch_mismatch', '{"action":"sync","epoch":"another"}'],
  ])('answers %s to a frame that cannot be obeyed, and closes nothing', async (code, body) => {
    const app = anApp();
    const ref = body?.includes('"ref":"r"') ? { ref: 'r' } : {};
    expect(await send(app, body)).toEqual([
      { event: 'error', code, message: expect.any(String), retryable: false, ...ref },
    ]);
    expect(app.closed).toEqual([]);
  });

  it.each([
    ['rate_limited', new Busy('throttled')],
    ['internal', new Error('secret detail')],
    ['internal', 'not even an error'],
  ])('answers %s when it is our fault, keeps the detail to itself, and logs it', async (code, fault) => {
    const app = anApp();
    app.rows.heads = async () => Promise.reject(fault);
    const [frame] = await send(app, '{"action":"ping","ref":"r"}');
    expect(frame).toMatchObject({ event: 'error', code, retryable: true, ref: 'r' });
    expect(JSON.stringify(frame)).not.toContain('secret detail');
    expect(app.logger.entries).toEqual([
      expect.objectContaining({ level: 'error', message: 'frame failed' }),
    ]);
  });

  it('obeys nothing and posts nothing once the token has expired, but says goodbye', async () => {
    const app = anApp();
    await app.rows.create('user:alice', { epoch: 'e', seq: 9, updatedAt: NOW });
    expect(await send(app, '{"action":"ack","seq":9}', { tokenExpiresAt: String(NOW) })).toEqual([]);
    expect(await app.devices.list('alice')).toEqual([]);
    expect((await rowsOf(app)).map(({ bye }) => bye)).toEqual(['token_expired']);
  });

  it('posts nothing to a connection that is being closed', async () => {
    const app = anApp();
    const connection = aConnection({ connectionId: CONNECTION_ID, bye: 'revoked' });
    await app.connections.add(connection, 'r');
    await createMessageHandler(app, loadNoStomp)(event('MESSAGE', {}, '{"action":"ping"}'), aContext());
    expect(app.posted).toEqual([]);
  });

  const ack = (app: TestApp, seq: number) =>
    createMessageHandler(app, loadNoStomp)(event('MESSAGE', {}, `{"action":"ack","seq":${seq}}`), aContext());

  it('counts the ack of a client that has closed already, and answers nothing', async () => {
    const app = anApp();
    await app.rows.create('user:alice', { epoch: 'e', seq: 9, updatedAt: NOW });
    const connection = aConnection({ connectionId: CONNECTION_ID, deviceId: 'phone' });
    await app.connections.add(connection, 'r');
    await ack(app, 3);
    await app.connections.remove(connection);
    await ack(app, 9);
    await ack(app, 10);
    const [device] = await app.devices.list('alice');
    expect(device?.cursors.get('user:alice')).toEqual({ epoch: 'e', seq: 9 });
    expect(app.posted).toEqual([]);
  });

  it('keeps nothing of a client that has closed already and was never known', async () => {
    const app = anApp();
    await app.rows.create('user:alice', { epoch: 'e', seq: 9, updatedAt: NOW });
    await ack(app, 9);
    expect(await app.devices.list('alice')).toEqual([]);
    expect(await app.devices.findFurthest('alice', 'user:alice')).toBeUndefined();
  });

  it('closes a socket that has no row, so that its client comes back with one', async () => {
    const app = anApp();
    await createMessageHandler(app, loadNoStomp)(event('MESSAGE', {}, '{"action":"ping"}'), aContext());
    expect(app.posted).toEqual([]);
    expect(app.closed).toEqual([CONNECTION_ID]);
  });

  it('takes the user from the authorizer, never from the frame', async () => {
    const app = anApp();
    await app.rows.create('user:bob', { epoch: 'e', seq: 0, updatedAt: NOW });
    const [frame] = await send(app, '{"action":"ack","seq":0,"channel":"user:bob","userId":"bob"}');
    expect(frame).toMatchObject({ code: 'unknown_channel' });
    expect(await app.devices.list('bob')).toEqual([]);
  });
});

it('a frame is neither a $connect nor a $disconnect, whatever its action is called', async () => {
  const app = anApp();
  expect(await createConnectHandler({ ...app, ...withoutStomp })(event('MESSAGE'))).toStrictEqual({
    statusCode: 400,
  });
  expect(await rowsOf(app)).toEqual([]);
  await createConnectHandler({ ...app, ...withoutStomp })(event('CONNECT'));
  expect(await createDisconnectHandler({ ...app, ...withoutStomp })(event('MESSAGE'))).toStrictEqual({
    statusCode: 400,
  });
  expect(await rowsOf(app)).toHaveLength(1);
});
