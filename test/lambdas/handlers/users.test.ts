/** The operator's requests: what they accept and how they answer. */
import { describe, expect, it } from 'vitest';
import { createUsersHandler } from '../../../lambdas/handlers/users.ts';
import { userPath } from '../../../lambdas/protocol/user-path.ts';
import { aConnection, aContext, aMessage, anApp, NOW, type TestApp } from '../../support/builders.ts';

const HISTORY = 'GET /users/{userId}/messages';
const PRESENCE = 'GET /users/{userId}/connections';
const REVOKE = 'DELETE /users/{userId}/connections';
const INBOX = 'GET /users/{userId}/inbox';

const ask = async (
  app: TestApp,
  routeKey: string,
  userId: string | undefined,
  query?: Record<string, string>,
  path?: Record<string, string>,
) => {
  const event = {
    routeKey,
    headers: {},
    isBase64Encoded: false,
    ...(userId !== undefined && { pathParameters: { userId, ...path } }),
    ...(query && { queryStringParameters: query }),
  };
  const result = await createUsersHandler(app)(event, aContext());
  expect(Object.keys(result).sort()).toEqual(['body', 'headers', 'statusCode']);
  return {
    status: result.statusCode,
    type: result.headers?.['content-type'],
    body: JSON.parse(result.body ?? ''),
  };
};

/** Alice with messages 1 to `count`. */
async function withMessages(count: number): Promise<TestApp> {
  const app = anApp();
  let head: Awaited<ReturnType<typeof app.rows.head>>;
  for (let seq = 1; seq <= count; seq++) {
    const next = { epoch: 'e', seq, updatedAt: NOW };
    await app.rows.append({
      channel: 'user:alice',
      expected: head,
      next,
      message: aMessage({ seq, data: `{"n":${seq}}` }),
      idempotency: undefined,
      now: NOW,
    });
    head = next;
  }
  return app;
}

describe('the history', () => {
  it('of a user nobody knows is empty', async () => {
    expect(await ask(anApp(), HISTORY, 'nobody')).toEqual({
      status: 200,
      type: 'application/json',
      body: { messages: [], through: 0, head: 0 },
    });
  });

  it('holds the messages as they were published', async () => {
    const { body } = await ask(await withMessages(1), HISTORY, 'alice');
    const message = { seq: 1, id: 'm', type: 't', data: { n: 1 }, sentAt: NOW };
    expect(body).toEqual({ messages: [message], through: 1, head: 1 });
  });

  it('comes in pages of 100, or of the limit, that join', async () => {
    const app = await withMessages(150);
    const seqs = async (query: Record<string, string>) => {
      const { body } = await ask(app, HISTORY, 'alice', query);
      const all: number[] = body.messages.map(({ seq }: { seq: number }) => seq);
      return { first: all[0], count: all.length, through: body.through, head: body.head };
    };
    expect(await seqs({})).toEqual({ first: 1, count: 100, through: 100, head: 150 });
    expect(await seqs({ after: '100' })).toEqual({ first: 101, count: 50, through: 150, head: 150 });
    expect(await seqs({ after: '10', limit: '7' })).toEqual({ first: 11, count: 7, through: 17, head: 150 });
    expect(await seqs({ after: '150' })).toEqual({ first: undefined, count: 0, through: 150, head: 150 });
    expect(await seqs({ limit: '1000' })).toMatchObject({ count: 150 });
  });

  it.each([
    ['after', '-1'],
    ['after', ''],
    ['after', '1.5'],
    ['after', '1e3'],
    ['after', ' 1'],
    ['after', 'x'],
    ['after', '9007199254740992'],
    ['limit', '0'],
    ['limit', '1001'],
    ['limit', ''],
    ['limit', '٣'],
  ])('is not told %s=%j', async (name, value) => {
    const { status, type, body } = await ask(anApp(), HISTORY, 'alice', { [name]: value });
    expect([status, type]).toEqual([400, 'application/problem+json']);
    expect(body.errors).toEqual([
      { path: name, message: expect.stringMatching(/^expected an integer from/) },
    ]);
  });
});

describe('the presence', () => {
  it('tells connections and devices, an anonymous one as null, nothing of tokens or endpoints', async () => {
    const app = anApp();
    const on = aConnection({ connectionId: 'c1', deviceId: 'phone' });
    await app.connections.add(on, 'r');
    await app.connections.add(aConnection({ connectionId: 'c2' }), 'r');
    const key = { userId: 'alice', deviceId: 'phone' };
    await app.devices.touch(key, { lastSeenAt: NOW, expiresAt: NOW + 1_000, on });
    expect((await ask(app, PRESENCE, 'alice')).body).toEqual({
      connections: [
        { connectionId: 'c1', deviceId: 'phone', connectedAt: NOW - 2_000 },
        { connectionId: 'c2', deviceId: null, connectedAt: NOW - 2_000 },
      ],
      devices: [{ deviceId: 'phone', cursor: 0, lastSeenAt: NOW }],
    });
  });
});

describe('a revocation', () => {
  const opened = async () => {
    const app = anApp();
    await app.connections.add(aConnection({ connectionId: 'c1', deviceId: 'phone' }), 'r');
    await app.connections.add(aConnection({ connectionId: 'c2', deviceId: 'laptop' }), 'r');
    await app.connections.add(aConnection({ connectionId: 'c3', userId: 'bob' }), 'r');
    return app;
  };

  it('says goodbye to all of the user’s connections, and to nobody else', async () => {
    const app = await opened();
    expect((await ask(app, REVOKE, 'alice')).body).toEqual({ closed: 2 });
    expect(app.posted.map(({ connectionId, frame }) => [connectionId, frame.code])).toEqual([
      ['c1', 'revoked'],
      ['c2', 'revoked'],
    ]);
    expect(app.closed).toEqual(['c1', 'c2']);
  });

  it('may be of one device', async () => {
    const app = await opened();
    expect((await ask(app, REVOKE, 'alice', { deviceId: 'laptop' })).body).toEqual({ closed: 1 });
    expect(app.closed).toEqual(['c2']);
  });

  it.each(['', 'my phone', '*'])(
    'of a malformed device is refused, and does not become one of all: %j',
    async (deviceId) => {
      const app = await opened();
      const { status, body } = await ask(app, REVOKE, 'alice', { deviceId });
      expect([status, body.errors[0].path, app.closed]).toEqual([400, 'deviceId', []]);
    },
  );
});

describe('any request', () => {
  it.each(['', 'x'.repeat(257), 'a\nb', '\ud83d', undefined])(
    'about no possible user is refused: %j',
    async (userId) => {
      for (const routeKey of [HISTORY, PRESENCE, REVOKE]) {
        const { status, body } = await ask(anApp(), routeKey, userId);
        expect([status, body.errors]).toEqual([400, [{ path: 'userId', message: expect.any(String) }]]);
      }
    },
  );

  it('about a user whom the path cannot name plainly names it in base64url', async () => {
    const app = anApp();
    await app.connections.add(aConnection({ connectionId: 'c1', userId: 'müller/' }), 'r');
    expect((await ask(app, REVOKE, userPath('müller/'))).body).toEqual({ closed: 1 });
  });

  it.each(['müller', 'alice/connections', 'a b', '~', '~YQ==', '~_w'])(
    'with a path that names nobody is refused, and is told how to name anybody: %s',
    async (segment) => {
      const { status, body } = await ask(anApp(), PRESENCE, segment);
      expect([status, body.errors]).toEqual([
        400,
        [{ path: 'userId', message: expect.stringContaining('~ and the base64url') }],
      ]);
    },
  );

  it.each([
    [HISTORY, { before: '1', limit: '1' }, 'before', 'unknown parameter, expected one of after, limit'],
    [PRESENCE, { page: '1' }, 'page', 'unknown parameter, expected one of limit, next'],
    [REVOKE, { deviceid: 'phone' }, 'deviceid', 'unknown parameter, expected one of deviceId'],
    [REVOKE, JSON.parse('{"__proto__":"phone"}'), '__proto__', expect.any(String)],
  ])('with an unknown parameter is refused: %s %j', async (routeKey, query, path, message) => {
    const app = anApp();
    await app.connections.add(aConnection({ connectionId: 'c1' }), 'r');
    const { status, body } = await ask(app, routeKey, 'alice', query);
    expect([status, body.errors, app.closed]).toEqual([400, [{ path, message }], []]);
  });

  it.each(['GET /users/{userId}', 'POST /users/{userId}/messages', '$default'])(
    'that is unknown is answered 404: %s',
    async (routeKey) => {
      expect(await ask(anApp(), routeKey, 'alice')).toMatchObject({
        status: 404,
        type: 'application/problem+json',
        body: { title: 'Not Found', status: 404 },
      });
    },
  );

  it('that fails for our own fault fails', async () => {
    const app = anApp();
    app.rows.head = async () => Promise.reject(new Error('store down'));
    await expect(ask(app, HISTORY, 'alice')).rejects.toThrow('store down');
  });
});

describe('a withdrawal', () => {
  const WITHDRAW = 'DELETE /users/{userId}/messages/{seq}';
  const WITHDRAW_BY_ID = 'DELETE /users/{userId}/messages';

  it('tells what it withdrew, and the second time nothing', async () => {
    const app = await withMessages(2);
    const withdraw = () => ask(app, WITHDRAW, 'alice', undefined, { seq: '2' });
    expect(await withdraw()).toMatchObject({ status: 200, body: { withdrawn: [2] } });
    expect(await withdraw()).toMatchObject({ status: 200, body: { withdrawn: [] } });
    const { body } = await ask(app, HISTORY, 'alice');
    expect(body).toMatchObject({ messages: [{ seq: 1 }], through: 3, head: 3 });
  });

  it.each([
    [WITHDRAW, { seq: '3' }, undefined, 'seq'],
    [WITHDRAW_BY_ID, {}, { id: 'm' }, 'id'],
  ])('of what is not known is a 404: %s', async (route, path, query, field) => {
    const answer = await ask(await withMessages(2), route, 'alice', query, path);
    expect(answer).toMatchObject({ status: 404, type: 'application/problem+json' });
    expect(answer.body.errors).toEqual([{ path: field, message: expect.stringMatching(/^no message /) }]);
  });

  it.each(['0', '01', '-1', '1.5', '1e3', 'x', '9007199254740992'])('is not told the seq %j', async (seq) => {
    const { status, body } = await ask(await withMessages(2), WITHDRAW, 'alice', undefined, { seq });
    expect(status).toBe(400);
    expect(body.errors).toEqual([{ path: 'seq', message: 'expected an integer, 1 or more' }]);
  });

  it.each([[{}], [{ id: '' }], [{ id: 'x'.repeat(129) }], [{ seq: '1' }]])(
    'is not asked for by %j',
    async (query) => {
      const { status, body } = await ask(await withMessages(2), WITHDRAW_BY_ID, 'alice', query);
      expect(status).toBe(400);
      expect(body.errors).toHaveLength(1);
    },
  );
});

describe('the inbox', () => {
  it('answers what a history frame does', async () => {
    const app = await withMessages(3);

    expect(await ask(app, INBOX, 'alice', { limit: '2' })).toEqual({
      status: 200,
      type: 'application/json',
      body: {
        channel: 'user:alice',
        epoch: 'e',
        messages: [
          expect.objectContaining({ seq: 3, data: { n: 3 }, read: false }),
          expect.objectContaining({ seq: 2, data: { n: 2 }, read: false }),
        ],
        more: true,
        unread: 3,
      },
    });
    const { body } = await ask(app, INBOX, 'alice', { before: '2' });
    expect(body).toMatchObject({ messages: [{ seq: 1 }], more: false });
  });

  it.each([
    [{ limit: '101' }, 'limit: expected an integer from 1 to 100'],
    [{ limit: '0' }, 'limit: expected an integer from 1 to 100'],
    [{ before: '-1' }, /^before: expected an integer/],
    [{ after: '1' }, /^after: unknown parameter/],
  ])('is refused with %j', async (query, detail) => {
    const { status, body } = await ask(anApp(), INBOX, 'alice', query as Record<string, string>);

    expect(status).toBe(400);
    expect(body.detail).toMatch(detail);
  });
});

describe('a mark of a service', () => {
  const put = async (app: TestApp, body: unknown) => {
    const event = {
      routeKey: 'PUT /users/{userId}/read',
      headers: { 'content-type': 'application/json' },
      isBase64Encoded: false,
      pathParameters: { userId: 'alice' },
      body: JSON.stringify(body),
    };
    const result = await createUsersHandler(app)(event, aContext());
    return { status: result.statusCode, body: JSON.parse(result.body ?? '') };
  };

  it('answers the state as it stands then, and tells the user’s connections', async () => {
    const app = await withMessages(3);
    await app.connections.add(aConnection({ userId: 'alice', readyAt: NOW }), 'request');
    const state = { channel: 'user:alice', epoch: 'e', version: 1, through: 0, seqs: [2], unread: 2 };

    expect(await put(app, { seqs: [2] })).toEqual({ status: 200, body: state });
    expect(app.posted.map(({ frame }) => frame)).toEqual([{ event: 'read', ...state }]);
    expect(await put(app, { seqs: [2] })).toEqual({ status: 200, body: state });
    expect(app.posted).toHaveLength(1);
  });

  it.each([
    [{}, 'expected exactly one of through, seqs, unread'],
    [[1], 'expected {"through": …}, {"seqs": […]} or {"unread": […]}'],
    [{ through: 1, seqs: [1] }, 'through: expected exactly one of through, seqs, unread'],
    [{ through: 1, ref: 'r' }, 'ref: unknown field, expected one of through, seqs, unread'],
    [{ through: 4 }, 'through: expected a seq up to the head, which is 3'],
    [{ seqs: [3, 4] }, 'seqs[1]: expected a seq up to the head, which is 3'],
    [{ unread: [7] }, 'unread[0]: expected a seq up to the head, which is 3'],
    [{ seqs: [0] }, 'seqs[0]: expected an integer, 1 or more'],
  ])('is refused as %j', async (mark, detail) => {
    const app = await withMessages(3);
    const { status, body } = await put(app, mark);

    expect(status).toBe(400);
    expect(body.detail).toBe(detail);
    expect(await app.readStates.find('alice')).toBeUndefined();
  });
});

describe('erasing', () => {
  const ERASE = 'DELETE /users/{userId}';

  it('answers how many rows it removed, and whether there are more', async () => {
    const app = await withMessages(3);
    const { status, type, body } = await ask(app, ERASE, 'alice');
    expect([status, type]).toEqual([200, 'application/json']);
    expect(body).toEqual({ erased: 4, more: false });
    expect((await ask(app, ERASE, 'alice')).body).toEqual({ erased: 0, more: false });
  });

  it('of a user whom nobody knows erases nothing', async () => {
    expect((await ask(anApp(), ERASE, 'nobody')).body).toEqual({ erased: 0, more: false });
  });

  it('refuses a path and a query that it does not know', async () => {
    expect((await ask(anApp(), ERASE, '~')).status).toBe(400);
    const { status, body } = await ask(anApp(), ERASE, 'alice', { deviceId: 'phone' });
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toContain('deviceId');
  });
});
