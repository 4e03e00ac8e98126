/** What a publisher may send: every limit, and every fault with its path. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVERYONE, topicChannel, userChannel } from '../../../lambdas/protocol/channel.ts';
import { type FieldError, RequestError } from '../../../lambdas/protocol/errors.ts';
import {
  NO_ORIGIN,
  type NotificationHeaders,
  parseClientNotification,
  parseNotification,
} from '../../../lambdas/protocol/notification.ts';

const valid = { to: { user: 'alice' }, type: 'order.shipped' };
const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

function faultsOf(body: unknown, headers?: NotificationHeaders): FieldError[] {
  try {
    parseNotification(body, headers);
  } catch (error) {
    if (error instanceof RequestError) {
      expect(error.code).toBe('invalid_request');
      return error.errors;
    }
    throw error;
  }
  return [];
}

const pathsOf = (body: unknown, headers?: NotificationHeaders) =>
  faultsOf(body, headers).map(({ path }) => path);

describe('a notification', () => {
  it('needs a recipient and a type, nothing else', () => {
    expect(parseNotification(valid)).toEqual({
      channels: [userChannel('alice')],
      type: 'order.shipped',
      data: null,
      id: undefined,
      origin: NO_ORIGIN,
      collapseKey: undefined,
      retentionSeconds: undefined,
      trace: false,
    });
  });

  it('may say everything', () => {
    const data = { orderId: 7, lines: [null, 'x'] };
    const rest = { id: 'order-1-shipped', collapseKey: 'order-1', retentionSeconds: 604_800, trace: true };
    const body = { to: { users: ['alice', 'bob'] }, type: 't', data, ...rest, excludeDeviceId: 'laptop' };
    expect(parseNotification(body)).toEqual({
      channels: ['alice', 'bob'].map(userChannel),
      type: 't',
      data,
      ...rest,
      origin: { userId: undefined, deviceId: 'laptop', tab: undefined },
    });
  });

  it.each([null, 0, false, '', [], {}, 'text', [1, [2]]])('may carry %j as data', (data) => {
    expect(parseNotification({ ...valid, data }).data).toEqual(data);
  });

  it.each([
    [{ user: 'alice' }, { afterSeconds: 60 }, { afterSeconds: 60, unless: 'acked' }],
    [
      { users: ['alice', 'bob'] },
      { afterSeconds: 43_200, unless: 'read' },
      { afterSeconds: 43_200, unless: 'read' },
    ],
  ])('to %j may be escalated: %j', (to, escalate, expected) => {
    expect(parseNotification({ to, type: 't', escalate })).toMatchObject({ escalate: expected });
  });

  it.each([{ topic: 'news' }, { everyone: true }])('to %j is not escalated', (to) => {
    expect(faultsOf({ to, type: 't', escalate: { afterSeconds: 60 } })).toEqual([
      { path: 'escalate', message: 'expected none: only a message to a user or users is escalated' },
    ]);
  });

  it('names what is wrong with how it is escalated, with the limits', () => {
    const faults = (escalate: unknown) => faultsOf({ ...valid, escalate });
    const seconds = { path: 'escalate.afterSeconds', message: 'expected an integer from 60 to 43200' };
    for (const afterSeconds of [undefined, 59, 43_201, 60.5, '60', null])
      expect(faults({ afterSeconds })).toEqual([seconds]);
    for (const unless of ['seen', '', null, true])
      expect(faults({ afterSeconds: 60, unless })).toEqual([
        { path: 'escalate.unless', message: 'expected "acked" or "read"' },
      ]);
    for (const escalate of [null, 60, 'acked', [60]])
      expect(faults(escalate)).toEqual([
        { path: 'escalate', message: 'expected {"afterSeconds": …, "unless": …}' },
      ]);
    expect(faults({ afterSeconds: 1, unless: 'seen', after: 60 }).map(({ path }) => path)).toEqual([
      'escalate.after',
      'escalate.afterSeconds',
      'escalate.unless',
    ]);
  });

  it.each([undefined, null, 1, 'x', true, [], [valid]])('is a JSON object, not %j', (body) => {
    expect(faultsOf(body)).toEqual([{ path: '', message: 'expected a JSON object' }]);
  });

  it('is told all its faults at once, each with its path', () => {
    const body = {
      to: { users: ['alice', '', 7] },
      type: 'no spaces',
      id: '',
      excludeDeviceId: 'my phone',
      collapseKey: 'a b',
      retentionSeconds: 59,
      urgent: true,
    };
    expect(pathsOf(body)).toEqual([
      'urgent',
      'to.users[1]',
      'to.users[2]',
      'type',
      'id',
      'excludeDeviceId',
      'collapseKey',
      'retentionSeconds',
    ]);
  });

  it('names all its faults in the message of the error', () => {
    expect(() => parseNotification({ type: 7 })).toThrow(/^to: expected .*; type: expected /);
  });

  it.each(['data2', 'To', 'ttl', '__proto__', 'constructor', 'user'])('may not have a field %s', (name) => {
    const body = JSON.parse(`{"to":{"user":"alice"},"type":"t",${JSON.stringify(name)}:1}`);
    expect(faultsOf(body)).toEqual([{ path: name, message: expect.stringMatching(/^unknown field/) }]);
  });

  it('does not find its fields on a prototype', () => {
    expect(pathsOf(JSON.parse('{"__proto__":{"to":{"user":"a"},"type":"t"}}'))).toEqual([
      '__proto__',
      'to',
      'type',
    ]);
  });

  it('may nest its data deeply, but not so deep that it could not be encoded', () => {
    expect(parseNotification({ ...valid, data: nested(500) }).data).toEqual(nested(500));
    expect(faultsOf({ ...valid, data: nested(501) })).toEqual([
      { path: 'data', message: 'expected at most 500 levels of nesting' },
    ]);
    expect(pathsOf({ ...valid, data: { a: nested(16_000) } })).toEqual(['data']);
  });

  it.each([
    ['1e400', 'data'],
    ['-1e400', 'data'],
    ['[0,[{"a":{"b c":1e309}}],1e400]', 'data[1][0].a.b c'],
    ['{"__proto__":[1e400]}', 'data.__proto__[0]'],
  ])('may not carry a number that no double can hold: %s', (data, path) => {
    expect(faultsOf(JSON.parse(`{"to":{"user":"alice"},"type":"t","data":${data}}`))).toEqual([
      { path, message: 'expected a number that a double can hold' },
    ]);
  });

  it.each(['1e308', '-1.7976931348623157e308', '1e-400', '9007199254740993'])(
    'may carry a number that a double comes near: %s',
    (data) => {
      expect(faultsOf(JSON.parse(`{"to":{"user":"alice"},"type":"t","data":${data}}`))).toEqual([]);
    },
  );

  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, 1]));

  it.each([
    ['fields', { ...valid, ...many(1000) }, ''],
    ['fields of its recipients', { ...valid, to: { user: 'alice', ...many(1000) } }, 'to'],
    ['recipients', { ...valid, to: { users: Array(100).fill('') } }, 'to.users'],
  ])('is told ten wrong %s and how many more there are, and the other faults too', (_what, body, path) => {
    const faults = faultsOf({ ...body, type: 'a b' });
    expect(faults).toHaveLength(12);
    expect(faults).toContainEqual({ path, message: expect.stringMatching(/^and (990|90) more$/) });
    expect(faults).toContainEqual({ path: 'type', message: expect.any(String) });
  });

  it('is told no long names of its own', () => {
    const long = { ['x'.repeat(5000)]: 1 };
    for (const body of [
      { ...valid, ...long },
      { ...valid, to: { user: 'alice', ...long } },
      { ...valid, data: { x: { ['x'.repeat(5000)]: Number.POSITIVE_INFINITY } } },
    ]) {
      expect(faultsOf(body).map(({ path }) => path.length)).toEqual([100]);
    }
  });

  it('is told no half of a character, be it cut or named so', () => {
    const [cut] = faultsOf({ ...valid, [`${'x'.repeat(99)}😀`]: 1 });
    expect(cut?.path).toBe(`${'x'.repeat(99)}\ufffd`);
    const [named] = faultsOf({ ...valid, '\ud83d': 1 });
    expect(named?.path).toBe('\ufffd');
  });

  it('is refused with a RequestError and nothing else, whatever it is', () => {
    const field = fc.oneof(
      fc.jsonValue(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('alice', 60, ['a']),
    );
    const body = fc.oneof(
      fc.anything(),
      fc.record(
        {
          to: fc.oneof(
            field,
            fc.record({ user: field }),
            fc.record({ users: fc.oneof(field, fc.array(field)) }),
            fc.record({ topic: field }),
            fc.record({ everyone: field }),
          ),
          type: field,
          data: fc.jsonValue(),
          id: field,
          excludeUserId: field,
          excludeDeviceId: field,
          collapseKey: field,
          retentionSeconds: field,
          trace: field,
        },
        { requiredKeys: [] },
      ),
    );
    const headers = fc.record(
      { 'idempotency-key': fc.string(), 'x-user-id': fc.string(), 'x-device-id': fc.string() },
      { requiredKeys: [] },
    );
    const property = fc.property(body, headers, (sent, sentHeaders) => {
      for (const { path, message } of faultsOf(sent, sentHeaders)) {
        expect([typeof path, message]).toEqual(['string', expect.stringMatching(/./)]);
      }
    });
    fc.assert(property, { numRuns: 1000 });
  });
});

describe('the recipients', () => {
  const users = (count: number) => Array.from({ length: count }, (_, index) => `user-${index}`);

  it('are up to 100 users', () => {
    expect(parseNotification({ ...valid, to: { users: users(100) } }).channels).toEqual(
      users(100).map(userChannel),
    );
    expect(faultsOf({ ...valid, to: { users: users(101) } })).toEqual([
      { path: 'to.users', message: 'expected a list of 1 to 100 user ids' },
    ]);
  });

  it('get it once each, in the order they were first named', () => {
    const to = { users: ['bob', 'alice', 'bob', 'bob', 'carol', 'alice'] };
    expect(parseNotification({ ...valid, to }).channels).toEqual(['bob', 'alice', 'carol'].map(userChannel));
  });

  it.each([undefined, null, 'alice', 7, ['alice']])('are an object, not %j', (to) => {
    expect(pathsOf({ ...valid, to })).toEqual(['to']);
  });

  it('are all who hear a topic, or everyone', () => {
    const channelsOf = (to: object) => parseNotification({ ...valid, to }).channels;
    expect(channelsOf({ topic: 'orders.7' })).toEqual([topicChannel('orders.7')]);
    expect(channelsOf({ everyone: true })).toEqual([EVERYONE]);
  });

  it.each([
    {},
    { user: 'alice', users: ['bob'] },
    { user: 'alice', topic: 'news' },
    { users: ['alice'], everyone: true },
    { topic: 'news', everyone: true },
    { topic: 'news', everyone: false },
    { user: null, topic: null },
  ])('are of one kind: %j', (to) => {
    expect(faultsOf({ ...valid, to })).toEqual([
      { path: 'to', message: 'expected one of user, users, topic, everyone' },
    ]);
  });

  it.each([false, 1, 'true', null, {}])('are everyone or not, never %j', (everyone) => {
    expect(faultsOf({ ...valid, to: { everyone } })).toEqual([
      { path: 'to.everyone', message: 'expected true' },
    ]);
  });

  it.each(['', 'a b', 'ä', 'topic/news', 'orders.*', 'x'.repeat(129), null, 7, ['news']])(
    'may not be the topic %j',
    (topic) => {
      expect(faultsOf({ ...valid, to: { topic } })).toEqual([
        { path: 'to.topic', message: expect.stringMatching(/^expected 1 to 128 /) },
      ]);
    },
  );

  it.each([null, 'alice', {}, [], { length: 1, 0: 'alice' }])('are a list of users, not %j', (list) => {
    expect(pathsOf({ ...valid, to: { users: list } })).toEqual(['to.users']);
  });

  it('are nobody else: unknown fields are told by path', () => {
    expect(pathsOf({ ...valid, to: { user: 'alice', group: 'news', device: 'phone' } })).toEqual([
      'to.group',
      'to.device',
    ]);
  });

  it.each(['a', 'ü'.repeat(128), '😀'.repeat(64), 'user:x y/z', 'ａ', '__proto__'])(
    'may be called %j',
    (user) => {
      expect(parseNotification({ ...valid, to: { user } }).channels).toEqual([userChannel(user)]);
    },
  );

  it.each([
    '',
    'x'.repeat(257),
    `${'😀'.repeat(64)}x`,
    'a\nb',
    'a\u0000',
    'a\u007f',
    '\ud83d',
    null,
    7,
    ['alice'],
  ])('may not be called %j', (user) => {
    expect(pathsOf({ ...valid, to: { user } })).toEqual(['to.user']);
    expect(pathsOf({ ...valid, to: { users: ['alice', user] } })).toEqual(['to.users[1]']);
  });
});

describe('the fields', () => {
  it.each([
    ['type', 'x'],
    ['type', 'x'.repeat(128)],
    ['type', 'constructor'],
    ['type', 'herald'],
    ['type', 'my.herald.type'],
    ['id', '1'],
    ['id', 'é'.repeat(64)],
    ['id', '"quoted" \\ and / spaced'],
    ['collapseKey', 'x'.repeat(128)],
    ['collapseKey', 'order:7.status'],
    ['retentionSeconds', 60],
    ['retentionSeconds', 31_536_000],
    ['trace', true],
    ['trace', false],
  ])('%s may be %j', (name, value) => {
    expect(parseNotification({ ...valid, [name]: value })).toMatchObject({ [name]: value });
  });

  it.each([
    ...['', 'x'.repeat(129), 'a b', 'ä', 'a\n', 'herald.', 'herald.withdrawn', null, 7, []].map(
      (value) => ['type', value] as const,
    ),
    ...['', 'x'.repeat(129), `${'é'.repeat(64)}x`, 'a\tb', '\udc00', null, 7, {}].map(
      (value) => ['id', value] as const,
    ),
    ...[
      '',
      'x'.repeat(129),
      'my laptop',
      null,
      7,
      '/',
      'laptop/',
      '/7f3a',
      'laptop/7f3a/1',
      'laptop/a b',
      `laptop/${'x'.repeat(129)}`,
      ['laptop', '7f3a'],
    ].map((value) => ['excludeDeviceId', value] as const),
    ...['', 'x'.repeat(129), 'a b', null, 7, ['k']].map((value) => ['collapseKey', value] as const),
    ...['true', 1, null, []].map((value) => ['trace', value] as const),
    ...[59, 31_536_001, 60.5, -1, 0, '60', null, true, [60]].map(
      (value) => ['retentionSeconds', value] as const,
    ),
  ])('%s may not be %j', (name, value) => {
    expect(pathsOf({ ...valid, [name]: value })).toEqual([name]);
  });

  it('may not lack a type', () => {
    expect(faultsOf({ to: { user: 'alice' } })).toEqual([{ path: 'type', message: 'is missing' }]);
  });
});

describe('the request headers', () => {
  it('do the same as the fields', () => {
    expect(parseNotification(valid, { 'idempotency-key': 'k', 'x-device-id': 'laptop' })).toMatchObject({
      id: 'k',
      origin: { userId: undefined, deviceId: 'laptop', tab: undefined },
    });
    const headers = { 'x-user-id': 'alice', 'x-device-id': 'laptop/7f3a' };
    expect(parseNotification({ ...valid, to: { topic: 'news' } }, headers)).toMatchObject({
      origin: { userId: 'alice', deviceId: 'laptop', tab: '7f3a' },
    });
  });

  it('may repeat what the body says', () => {
    const body = { ...valid, id: 'k', excludeDeviceId: 'laptop' };
    const headers = { 'idempotency-key': 'k', 'x-device-id': 'laptop' };
    expect(parseNotification(body, headers)).toMatchObject({ id: 'k', origin: { deviceId: 'laptop' } });
  });

  it('may not contradict it', () => {
    const body = {
      to: { topic: 'news' },
      type: 't',
      id: 'k',
      excludeUserId: 'alice',
      excludeDeviceId: 'laptop',
    };
    const headers = { 'idempotency-key': 'other', 'x-user-id': 'bob', 'x-device-id': 'phone' };
    expect(faultsOf(body, headers)).toEqual([
      { path: 'id', message: 'differs from the header idempotency-key' },
      { path: 'excludeUserId', message: 'differs from the header x-user-id' },
      { path: 'excludeDeviceId', message: 'differs from the header x-device-id' },
    ]);
  });

  it('are held to the same rules', () => {
    expect(pathsOf(valid, { 'idempotency-key': '', 'x-device-id': 'a, b' })).toEqual([
      'id',
      'excludeDeviceId',
    ]);
  });

  it('may hold anything else', () => {
    const headers: Record<string, string> = { 'content-type': 'application/json', host: 'x' };
    expect(parseNotification(valid, headers)).toMatchObject({ id: undefined, origin: NO_ORIGIN });
  });
});

describe('the origin', () => {
  const originOf = (fields: object, to: object = { user: 'alice' }) =>
    parseNotification({ to, type: 't', ...fields }).origin;
  const TO_MANY = [{ topic: 'news' }, { everyone: true }];

  it('of a message to a user is a device, or a tab of one', () => {
    const none = { userId: undefined, tab: undefined };
    expect(originOf({ excludeDeviceId: 'laptop' })).toEqual({ ...none, deviceId: 'laptop' });
    expect(originOf({ excludeDeviceId: 'laptop/7f3a' })).toEqual({
      ...none,
      deviceId: 'laptop',
      tab: '7f3a',
    });
    const longest = `${'d'.repeat(128)}/${'t'.repeat(128)}`;
    expect(originOf({ excludeDeviceId: longest })).toMatchObject({ tab: 't'.repeat(128) });
  });

  it.each(TO_MANY)('of a message to many is a user, a device of that user, or a tab: %j', (to) => {
    const alice = { userId: 'alice', deviceId: undefined, tab: undefined };
    expect(originOf({ excludeUserId: 'alice' }, to)).toEqual(alice);
    const excluding = (excludeDeviceId: string) => ({ excludeUserId: 'alice', excludeDeviceId });
    expect(originOf(excluding('laptop'), to)).toEqual({ ...alice, deviceId: 'laptop' });
    expect(originOf(excluding('laptop/7f3a'), to)).toEqual({ ...alice, deviceId: 'laptop', tab: '7f3a' });
  });

  it.each(TO_MANY)('of a message to many has its user named: device ids are a user’s own: %j', (to) => {
    const message = expect.stringMatching(/^is missing/);
    const body = { to, type: 't', excludeDeviceId: 'laptop' };
    expect(faultsOf(body)).toEqual([{ path: 'excludeUserId', message }]);
    expect(faultsOf({ to, type: 't' }, { 'x-device-id': 'laptop' })).toEqual([
      { path: 'excludeUserId', message },
    ]);
  });

  it.each([{ user: 'alice' }, { users: ['alice', 'bob'] }])('of a message to users has none: %j', (to) => {
    const message = expect.stringMatching(/^expected none/);
    expect(faultsOf({ to, type: 't', excludeUserId: 'alice' })).toEqual([{ path: 'excludeUserId', message }]);
    expect(faultsOf({ to, type: 't' }, { 'x-user-id': 'alice' })).toEqual([
      { path: 'excludeUserId', message },
    ]);
  });

  it.each(['', 'x'.repeat(257), 'a\nb', '\ud83d', null, 7, ['alice']])('may not be the user %j', (userId) => {
    expect(pathsOf({ to: { topic: 'news' }, type: 't', excludeUserId: userId })).toEqual(['excludeUserId']);
  });
});

describe('what a client publishes', () => {
  const faultPathsOf = (fields: Record<string, unknown>): string[] => {
    try {
      parseClientNotification(fields);
    } catch (error) {
      if (error instanceof RequestError) return error.errors.map(({ path }) => path);
      throw error;
    }
    return [];
  };

  it('is a notification without an origin: the sender is it', () => {
    const fields = { to: { topic: 'team.7' }, type: 'note', id: 'k', collapseKey: 'c', retentionSeconds: 60 };
    expect(
      parseClientNotification({ ...fields, to: { user: 'bob' }, escalate: { afterSeconds: 60 } }),
    ).toMatchObject({
      escalate: { afterSeconds: 60, unless: 'acked' },
    });
    expect(parseClientNotification(fields)).toEqual({
      channels: [topicChannel('team.7')],
      type: 'note',
      data: null,
      id: 'k',
      collapseKey: 'c',
      retentionSeconds: 60,
      trace: false,
    });
  });

  it.each(['excludeUserId', 'excludeDeviceId', 'origin', 'tab2'])('may not have a field %s', (name) => {
    expect(faultPathsOf({ to: { topic: 'team.7' }, type: 'note', [name]: 'x' })).toContain(name);
  });

  it('is told all its faults at once', () => {
    expect(faultPathsOf({ to: { topic: 'a b' }, type: '', collapseKey: 7 })).toEqual([
      'to.topic',
      'type',
      'collapseKey',
    ]);
  });
});
