/** What a client may say while it connects, and which of several places counts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HandshakeRequest, parseHandshake } from '../../../lambdas/wire/handshake.ts';

const withHeaders = (headers: Record<string, string>, query: Record<string, string> = {}) =>
  parseHandshake({ headers, queryStringParameters: query });
const withQuery = (query: Record<string, string>) => withHeaders({}, query);
const offering = (protocols: string) => withHeaders({ 'Sec-WebSocket-Protocol': protocols });

describe('the token', () => {
  it('is taken from the header, else from the sub-protocols, else from the query', () => {
    const header = { Authorization: 'Bearer from.the.header' };
    const protocols = { 'Sec-WebSocket-Protocol': 'herald.v1, bearer.from.the.list' };
    const query = { token: 'from.the.query' };

    expect(withHeaders({ ...header, ...protocols }, query).token).toBe('from.the.header');
    expect(withHeaders(protocols, query).token).toBe('from.the.list');
    expect(withHeaders({}, query).token).toBe('from.the.query');
    expect(withHeaders({}).token).toBeUndefined();
  });

  it.each(['Authorization', 'authorization', 'AUTHORIZATION', 'aUtHoRiZaTiOn'])(
    'is found in the header %s',
    (name) => expect(withHeaders({ [name]: 'Bearer a.b.c' }).token).toBe('a.b.c'),
  );

  it.each(['Bearer a.b.c', 'bearer a.b.c', 'BEARER   a.b.c', 'Bearer a.b.c  '])('is read from %j', (value) =>
    expect(withHeaders({ Authorization: value }).token).toBe('a.b.c'),
  );

  it.each([
    '',
    'Bearer',
    'Bearer ',
    'Basic YWxpY2U6',
    'a.b.c',
    'xBearer a.b.c',
    'Bearer a.b c',
    'Bearera.b.c',
  ])('is not what the header says in %j, so the next place counts', (value) =>
    expect(withHeaders({ Authorization: value }, { token: 'q' }).token).toBe('q'),
  );

  it.each([
    'herald.v1,bearer.a.b.c',
    'herald.v1, bearer.a.b.c',
    'bearer.a.b.c,herald.v1',
    ' herald.v1 ,\tbearer.a.b.c ',
    'bearer.a.b.c',
    'other,bearer.a.b.c,bearer.second',
  ])('is found in the sub-protocol list %j', (protocols) => expect(offering(protocols).token).toBe('a.b.c'));

  it.each(['', 'herald.v1', 'herald.v1, bearer.', 'Bearer.a.b.c', 'xbearer.a.b.c', ',,,'])(
    'is not in the sub-protocol list %j',
    (protocols) => expect(offering(protocols).token).toBeUndefined(),
  );

  it('is not an empty one of the query', () => expect(withQuery({ token: '' }).token).toBeUndefined());
});

describe('the sub-protocol answered', () => {
  it.each(['herald.v1', 'herald.v1, bearer.a.b.c', 'bearer.a.b.c,herald.v1', 'other , herald.v1'])(
    'is herald.v1 when the client offered it: %j',
    (protocols) => expect(offering(protocols).subprotocol).toBe('herald.v1'),
  );

  it.each(['', 'bearer.a.b.c', 'herald.v2', 'HERALD.V1', 'herald.v1x', 'xherald.v1'])(
    'is none when the client did not: %j',
    (protocols) => expect(offering(protocols).subprotocol).toBeUndefined(),
  );

  it('is herald.v1 or none, whatever is offered: never a token', () => {
    fc.assert(
      fc.property(fc.string(), (protocols) => {
        expect([undefined, 'herald.v1']).toContain(offering(protocols).subprotocol);
      }),
    );
  });
});

describe('the device id', () => {
  it('is taken from the header before the query', () => {
    expect(withHeaders({ 'X-Device-Id': 'phone' }, { deviceId: 'laptop' }).deviceId).toBe('phone');
    expect(withHeaders({ 'x-device-id': 'phone' }).deviceId).toBe('phone');
    expect(withQuery({ deviceId: 'laptop' }).deviceId).toBe('laptop');
  });

  it('may be absent: an anonymous device', () => {
    expect(withHeaders({})).toMatchObject({ deviceId: undefined, isStomp: false, problem: undefined });
  });

  it.each(['a', 'AZaz09._:-', 'x'.repeat(128), '__proto__', '..'])('may be %j', (deviceId) =>
    expect(withQuery({ deviceId })).toMatchObject({ deviceId, isStomp: false, problem: undefined }),
  );

  it.each(['', ' ', 'x'.repeat(129), 'my phone', 'phone\n', 'ph/one', 'phöne', 'a,b', '\ud83d'])(
    'may not be %j: no anonymous device comes of it',
    (deviceId) => {
      const problem = expect.stringMatching(/^deviceId: expected 1 to 128 characters/);
      expect(withQuery({ deviceId })).toMatchObject({ deviceId: undefined, problem });
      expect(withHeaders({ 'X-Device-Id': deviceId })).toMatchObject({ deviceId: undefined, problem });
    },
  );

  it('is not looked for in the query when the header has a malformed one', () => {
    expect(withHeaders({ 'X-Device-Id': 'my phone' }, { deviceId: 'phone' })).toMatchObject({
      deviceId: undefined,
      problem: expect.stringContaining('deviceId'),
    });
  });
});

describe('the ack mode', () => {
  it.each([
    [{}, 'auto'],
    [{ ack: 'auto' }, 'auto'],
    [{ ack: 'client' }, 'client'],
  ])('of %j is %s', (query, ackMode) => {
    expect(withQuery(query)).toMatchObject({ ackMode, isStomp: false, problem: undefined });
  });

  it.each(['', 'Client', 'none', 'auto,client', 'constructor'])('may not be %j', (ack) =>
    expect(withQuery({ ack }).problem).toBe('ack: expected auto or client'),
  );
});

describe('a handshake', () => {
  const bare = {
    token: undefined,
    deviceId: undefined,
    ackMode: 'auto',
    handover: false,
    subprotocol: undefined,
    origin: undefined,
    isStomp: false,
    problem: undefined,
  };
  const absent: HandshakeRequest[] = [
    {},
    { headers: undefined, queryStringParameters: undefined },
    { headers: null, queryStringParameters: null },
    { headers: {}, queryStringParameters: {} },
  ];

  it.each(absent)('may lack headers and query: %j', (request) =>
    expect(parseHandshake(request)).toEqual(bare),
  );

  it('names the page it comes from', () => {
    expect(withHeaders({ Origin: 'https://app.example' }).origin).toBe('https://app.example');
  });

  it('does not find anything on a prototype', () => {
    const headers = JSON.parse('{"__proto__":{"authorization":"Bearer a.b.c","x-device-id":"phone"}}');
    const queryStringParameters = JSON.parse('{"__proto__":{"token":"t"}}');
    expect(parseHandshake({ headers, queryStringParameters })).toEqual(bare);
  });

  it('is always understood somehow: nothing makes it throw', () => {
    const maps = fc.option(fc.dictionary(fc.string(), fc.string({ unit: 'binary' })), { nil: null });
    fc.assert(
      fc.property(maps, maps, (headers, queryStringParameters) => {
        parseHandshake({ headers, queryStringParameters });
      }),
    );
  });

  it('never tells the token in its problem', () => {
    const token = fc.string({ minLength: 12, unit: fc.constantFrom(...'abcdefghij-_.') });
    fc.assert(
      fc.property(token, (secret) => {
        expect(withQuery({ token: secret, deviceId: secret.repeat(20), ack: secret }).problem).not.toContain(
          secret,
        );
      }),
    );
  });
});

describe('several lines of Sec-WebSocket-Protocol', () => {
  const inLines = (name: string, ...lines: string[]) =>
    parseHandshake({ headers: { [name]: lines.at(-1) ?? '' }, multiValueHeaders: { [name]: lines } });

  it.each(['Sec-WebSocket-Protocol', 'sec-websocket-protocol', 'SEC-WEBSOCKET-PROTOCOL'])(
    'are one list: %s',
    (name) => {
      for (const lines of [
        ['herald.v1', 'bearer.a.b.c'],
        ['bearer.a.b.c', 'herald.v1'],
        ['other', 'bearer.a.b.c, another', 'herald.v1'],
      ]) {
        expect(inLines(name, ...lines)).toMatchObject({ token: 'a.b.c', subprotocol: 'herald.v1' });
      }
    },
  );

  it('are one list even if their names are written differently', () => {
    const multiValueHeaders = {
      'sec-websocket-protocol': ['herald.v1'],
      'Sec-WebSocket-Protocol': ['bearer.a.b.c'],
    };
    expect(parseHandshake({ headers: {}, multiValueHeaders })).toMatchObject({
      token: 'a.b.c',
      subprotocol: 'herald.v1',
    });
  });

  it('may be none', () => {
    for (const multiValueHeaders of [undefined, null, {}, { Host: ['x'] }]) {
      expect(parseHandshake({ headers: { Host: 'x' }, multiValueHeaders }).subprotocol).toBeUndefined();
    }
  });
});
