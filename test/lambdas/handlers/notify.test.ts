/** The three doors of a publish: what each takes for the id and how each answers. */
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { Busy } from '../../../lambdas/domain/errors.ts';
import { createNotifyHandler } from '../../../lambdas/handlers/notify.ts';
import { aContext, anApp, type TestApp } from '../../support/builders.ts';

const notification = { to: { user: 'alice' }, type: 'order.shipped', data: { orderId: 7 } };

interface HttpRequest {
  queryStringParameters?: Record<string, string>;
  headers?: Record<string, string>;
  isBase64Encoded?: boolean;
}

const overHttp = async (app: TestApp, body: string | undefined, request: HttpRequest = {}) => {
  const event = {
    version: '2.0',
    routeKey: 'POST /notifications',
    headers: {},
    requestContext: { http: { method: 'POST', path: '/notifications' } },
    ...(body !== undefined && { body }),
    isBase64Encoded: false,
    ...request,
  };
  const result = await createNotifyHandler(app)(event, aContext());
  if (!isHttpResult(result)) throw new Error(`not an HTTP result: ${JSON.stringify(result)}`);
  return { status: result.statusCode, type: result.headers['content-type'], body: JSON.parse(result.body) };
};

const isHttpResult = (
  value: unknown,
): value is { statusCode: number; headers: Record<string, string>; body: string } =>
  typeof value === 'object' && value !== null && 'statusCode' in value && 'body' in value;

const fromBus = (app: TestApp, detail: unknown) =>
  createNotifyHandler(app)(
    { version: '0', id: 'event-1', 'detail-type': 'Notification', source: 'app.orders', detail },
    aContext(),
  );

const invoked = (app: TestApp, payload: unknown) => createNotifyHandler(app)(payload, aContext());

/** An app whose log fails for one user, or for all. */
function aFailing(fault: Error, user?: string): TestApp {
  const app = anApp();
  const head = app.rows.head;
  app.rows.head = async (channel) => {
    if (user === undefined || channel === `user:${user}`) throw fault;
    return await head(channel);
  };
  return app;
}

const storedIn = async (app: TestApp, user = 'alice') =>
  (await app.rows.query(`user:${user}`, 0, 100)).messages;

describe('over HTTPS', () => {
  it('a notification is answered 200 with what became of it', async () => {
    const { status, type, body } = await overHttp(
      anApp(),
      JSON.stringify({ ...notification, id: 'order-1' }),
    );
    expect([status, type]).toEqual([200, 'application/json']);
    const counts = { connections: 0, sent: 0, excluded: 0, gone: 0, deferred: 0, queued: 0 };
    expect(body).toEqual({
      id: 'order-1',
      results: [{ channel: 'user:alice', userId: 'alice', seq: 1, duplicate: false, ...counts }],
    });
  });

  it('one without an id gets a new one each time, not the request’s', async () => {
    const app = anApp();
    const first = await overHttp(app, JSON.stringify(notification));
    const second = await overHttp(app, JSON.stringify(notification));
    expect(first.body.id).not.toBe(second.body.id);
    expect([first.body.id, second.body.id]).not.toContain('request-1');
    expect(await storedIn(app)).toHaveLength(2);
  });

  it('the headers do the same as the fields', async () => {
    const app = anApp();
    const headers = { 'idempotency-key': 'k', 'x-device-id': 'laptop' };
    expect((await overHttp(app, JSON.stringify(notification), { headers })).body.id).toBe('k');
    expect(await storedIn(app)).toEqual([expect.objectContaining({ id: 'k', originDeviceId: 'laptop' })]);
  });

  it('a body may come as base64', async () => {
    const body = Buffer.from(JSON.stringify({ ...notification, data: 'ü😀' })).toString('base64');
    const app = anApp();
    expect((await overHttp(app, body, { isBase64Encoded: true })).status).toBe(200);
    expect((await storedIn(app))[0]?.data).toBe('"ü😀"');
  });

  it.each([undefined, '', '{', 'to=alice', '\uFEFF{}'])(
    'a body that is no JSON is answered 400: %j',
    async (body) => {
      expect(await overHttp(anApp(), body)).toMatchObject({
        status: 400,
        body: { errors: [{ path: '', message: 'the body is not JSON' }] },
      });
    },
  );

  it.each(['22ff22', '7b2261223a22c0af227d', '22eda0bd22', '22e28222'])(
    'a body that is no UTF-8 is answered 400: %s',
    async (bytes) => {
      const body = Buffer.from(bytes, 'hex').toString('base64');
      expect(await overHttp(anApp(), body, { isBase64Encoded: true })).toMatchObject({
        status: 400,
        body: { errors: [{ path: '', message: 'the body is not UTF-8' }] },
      });
    },
  );

  it('a parameter in the query is answered 400, and nothing is stored', async () => {
    const app = anApp();
    const request = { queryStringParameters: { id: 'order-1' } };
    expect(await overHttp(app, JSON.stringify(notification), request)).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'id', message: 'unknown parameter, expected none' }] },
    });
    expect(await storedIn(app)).toEqual([]);
  });

  it('a number that no double can hold is answered 400, and does not become null', async () => {
    const app = anApp();
    const { status, body } = await overHttp(app, '{"to":{"user":"alice"},"type":"t","data":{"a":[1e400]}}');
    expect([status, body.errors]).toEqual([400, [{ path: 'data.a[0]', message: expect.any(String) }]]);
    expect(await storedIn(app)).toEqual([]);
  });

  it.each([false, true])(
    'the same id with another number is answered 409, to the last digit (base64: %s)',
    async (isBase64Encoded) => {
      const app = anApp();
      const send = (number: string) => {
        const body = `{"to":{"user":"alice"},"type":"t","id":"k","data":{"account":${number}}}`;
        return overHttp(app, isBase64Encoded ? btoa(body) : body, { isBase64Encoded });
      };
      expect((await send('9007199254740993')).body.results).toEqual([
        expect.objectContaining({ duplicate: false }),
      ]);
      expect((await send('9007199254740992')).status).toBe(409);
      expect((await send('9007199254740993')).body.results).toEqual([
        expect.objectContaining({ duplicate: true }),
      ]);
    },
  );

  it('faults of a type’s validator are told in few words', async () => {
    const app = anApp({ types: { 'order.shipped': { data: v.array(v.literal('x')) } } });
    const data = Array.from({ length: 1000 }, (_, index) => `${index}${'y'.repeat(1000)}`);
    const { status, body } = await overHttp(app, JSON.stringify({ ...notification, data }));
    expect([status, body.errors.length]).toEqual([400, 11]);
    expect(body.errors[10]).toEqual({ path: 'data', message: 'and 990 more' });
    expect(JSON.stringify(body).length).toBeLessThan(10_000);
  });

  it('bad input is answered 400 with every fault, as a problem, and nothing is stored', async () => {
    const app = anApp();
    const { status, type, body } = await overHttp(
      app,
      JSON.stringify({ to: { users: ['alice', ''] }, type: 'a b' }),
    );
    expect([status, type]).toEqual([400, 'application/problem+json']);
    expect(body).toEqual({
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      detail: expect.stringContaining('to.users[1]: expected'),
      errors: [
        { path: 'to.users[1]', message: expect.any(String) },
        { path: 'type', message: expect.any(String) },
      ],
    });
    expect(await storedIn(app)).toEqual([]);
  });

  it('data that its type refuses is answered 400 with the path', async () => {
    const app = anApp({ types: { 'order.shipped': { data: v.object({ orderId: v.string() }) } } });
    const { status, body } = await overHttp(app, JSON.stringify(notification));
    expect([status, body.errors]).toEqual([400, [{ path: 'data.orderId', message: expect.any(String) }]]);
  });

  it('data too deep to be encoded is answered 400, not with a crash', async () => {
    const data = '['.repeat(15_000) + ']'.repeat(15_000);
    const { status } = await overHttp(anApp(), `{"to":{"user":"alice"},"type":"t","data":${data}}`);
    expect(status).toBe(400);
  });

  it('a message too large for a frame is answered 413, and nothing is stored', async () => {
    const app = anApp();
    const { status, type, body } = await overHttp(
      app,
      JSON.stringify({ ...notification, data: '😀'.repeat(9_000) }),
    );
    expect([status, type, body.title]).toEqual([413, 'application/problem+json', 'Content Too Large']);
    expect(await storedIn(app)).toEqual([]);
  });

  it('the same id with the same payload is answered 200 as a duplicate', async () => {
    const app = anApp();
    await overHttp(app, '{"to":{"user":"alice"},"type":"t","id":"k","data":{"a":1,"b":2}}');
    const { status, body } = await overHttp(
      app,
      '{"data":{"b":2,"a":1},"id":"k","type":"t","to":{"users":["alice"]}}',
    );
    expect([status, body.results]).toEqual([200, [expect.objectContaining({ seq: 1, duplicate: true })]]);
    expect(await storedIn(app)).toHaveLength(1);
  });

  it('the same id with another payload is answered 409', async () => {
    const app = anApp();
    await overHttp(app, JSON.stringify({ ...notification, id: 'k' }));
    const { status, type, body } = await overHttp(
      app,
      JSON.stringify({ ...notification, id: 'k', data: 'other' }),
    );
    expect([status, type, body.status, body.title]).toEqual([
      409,
      'application/problem+json',
      409,
      'Conflict',
    ]);
    expect(body.errors).toEqual([{ path: 'id', message: expect.stringContaining('another payload') }]);
    expect(await storedIn(app)).toHaveLength(1);
  });

  it.each([new Busy('throttled'), new Error('unreachable: secret detail')])(
    'when nobody can be served for now it is answered 503, without the detail: %s',
    async (fault) => {
      const { status, type, body } = await overHttp(aFailing(fault), JSON.stringify(notification));
      expect([status, type]).toEqual([503, 'application/problem+json']);
      expect(body.results).toEqual([
        {
          channel: 'user:alice',
          userId: 'alice',
          error: { code: expect.any(String), message: expect.any(String), retryable: true },
        },
      ]);
      expect(JSON.stringify(body)).not.toContain('secret detail');
    },
  );

  it('when only some can be served it is answered 200 and says who', async () => {
    const app = aFailing(new Busy('throttled'), 'bob');
    const body = JSON.stringify({ ...notification, to: { users: ['alice', 'bob', 'carol'] } });
    const answer = await overHttp(app, body);
    expect(answer.status).toBe(200);
    expect(answer.body.results).toEqual([
      expect.objectContaining({ userId: 'alice', seq: 1 }),
      {
        channel: 'user:bob',
        userId: 'bob',
        error: expect.objectContaining({ code: 'busy', retryable: true }),
      },
      expect.objectContaining({ userId: 'carol', seq: 1 }),
    ]);
  });

  it('when nothing is published, and some of it may yet be, it is answered 503 and says which', async () => {
    const app = aFailing(new Busy('throttled'), 'bob');
    await overHttp(app, JSON.stringify({ ...notification, id: 'k' }));
    const again = { ...notification, to: { users: ['alice', 'bob'] }, id: 'k', data: 'other' };
    const { status, type, body } = await overHttp(app, JSON.stringify(again));
    expect([status, type]).toEqual([503, 'application/problem+json']);
    expect(body.results).toEqual([
      {
        channel: 'user:alice',
        userId: 'alice',
        error: expect.objectContaining({ code: 'idempotency_conflict', retryable: false }),
      },
      {
        channel: 'user:bob',
        userId: 'bob',
        error: expect.objectContaining({ code: 'busy', retryable: true }),
      },
    ]);
    expect(body.errors).toEqual([{ path: 'id', message: expect.stringContaining('another payload') }]);
    expect(await storedIn(app)).toHaveLength(1);
    expect(await storedIn(app, 'bob')).toEqual([]);
  });
});

describe('from the event bus', () => {
  it('the id of the event makes it repeatable', async () => {
    const app = anApp();
    await fromBus(app, notification);
    await fromBus(app, notification);
    expect((await storedIn(app)).map(({ id }) => id)).toEqual(['event-1']);
  });

  it.each([undefined, null, 7, '', 'a\nb', 'x'.repeat(129), {}])(
    'whose own id could be no key fails, unless the notification has one: %j',
    async (id) => {
      const app = anApp();
      const event = (detail: unknown) => ({ id, 'detail-type': 'Notification', source: 'app', detail });
      await expect(invoked(app, event(notification))).rejects.toThrow(/^id: expected 1 to 128 bytes/);
      expect(await storedIn(app)).toEqual([]);
      await invoked(app, event({ ...notification, id: 'order-1' }));
      expect(await storedIn(app)).toHaveLength(1);
    },
  );

  it('a number that no double can hold fails it', async () => {
    const detail = { ...notification, data: { a: JSON.parse('1e400') } };
    await expect(fromBus(anApp(), detail)).rejects.toThrow(/^data: does not fit its type/);
  });

  it('an id of its own comes first', async () => {
    const app = anApp();
    await fromBus(app, { ...notification, id: 'order-1' });
    expect((await storedIn(app)).map(({ id }) => id)).toEqual(['order-1']);
  });

  it.each([null, 'x', {}, { ...notification, type: 'a b' }])(
    'bad input fails, to end as a dead letter: %j',
    async (detail) => {
      await expect(fromBus(anApp(), detail)).rejects.toThrow(/expected/);
    },
  );

  it('one user’s fault fails it, so that it is repeated, and the others do not get it twice', async () => {
    const app = aFailing(new Busy('throttled'), 'bob');
    const detail = { ...notification, to: { users: ['alice', 'bob'] } };
    await expect(fromBus(app, detail)).rejects.toThrow(/^bob: busy: /);
    await expect(fromBus(app, detail)).rejects.toThrow(/^bob: busy: /);
    expect(await storedIn(app)).toHaveLength(1);
  });

  it('an id used for something else fails it', async () => {
    const app = anApp();
    await fromBus(app, { ...notification, id: 'k' });
    await expect(fromBus(app, { ...notification, id: 'k', data: 'other' })).rejects.toThrow(
      /idempotency_conflict/,
    );
  });
});

describe('by Invoke', () => {
  it('it is answered like over HTTPS, without the wrapping', async () => {
    const answer = await invoked(anApp(), { ...notification, id: 'order-1' });
    expect(answer).toEqual({
      id: 'order-1',
      results: [expect.objectContaining({ userId: 'alice', seq: 1 })],
    });
  });

  it('the id of the request makes it repeatable', async () => {
    const app = anApp();
    expect(await invoked(app, notification)).toMatchObject({
      id: 'request-1',
      results: [{ duplicate: false }],
    });
    expect(await invoked(app, notification)).toMatchObject({
      id: 'request-1',
      results: [{ seq: 1, duplicate: true }],
    });
  });

  it.each([null, undefined, 7, 'x', [], {}, { requestContext: {} }, { 'detail-type': 'Notification' }])(
    'bad input fails: %j',
    async (payload) => {
      await expect(invoked(anApp(), payload)).rejects.toThrow(/expected/);
    },
  );

  it('it fails when nobody could be served', async () => {
    await expect(invoked(aFailing(new Busy('throttled')), notification)).rejects.toThrow(/^alice: busy: /);
  });

  it('it says who could not be served when others were', async () => {
    const payload = { ...notification, to: { users: ['alice', 'bob'] } };
    expect(await invoked(aFailing(new Busy('throttled'), 'bob'), payload)).toMatchObject({
      results: [{ seq: 1 }, { userId: 'bob', error: { code: 'busy' } }],
    });
  });
});
