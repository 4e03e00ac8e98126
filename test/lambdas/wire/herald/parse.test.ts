/** What the server makes of the frames of a client, however odd: it understands them wholly or says why not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { topicChannel } from '../../../../lambdas/protocol/channel.ts';
import type { ClientFrame } from '../../../../lambdas/protocol/client-frame.ts';
import { FrameError } from '../../../../lambdas/protocol/errors.ts';
import { MAX_FRAME_BYTES } from '../../../../lambdas/protocol/limits.ts';
import { parseClientFrame, parsePublishFrame } from '../../../../lambdas/wire/herald/parse.ts';

const parse = (value: unknown): ClientFrame => parseClientFrame(JSON.stringify(value));

/** The code and the ref a frame is refused with. */
function refusalOf(body: string | undefined): { code: string; ref: string | undefined; message: string } {
  try {
    parseClientFrame(body ?? '');
  } catch (error) {
    if (error instanceof FrameError) return { code: error.code, ref: error.ref, message: error.message };
    throw error;
  }
  throw new Error(`accepted: ${body}`);
}

const refuse = (value: unknown) => refusalOf(JSON.stringify(value));

/** A frame of exactly so many bytes, filled up in a field that nobody reads. */
function frameOf(bytes: number, filling: string): string {
  const fillingBytes = Buffer.byteLength(filling);
  const room = bytes - Buffer.byteLength('{"action":"ping","pad":""}');
  const pad = filling.repeat(Math.floor(room / fillingBytes)) + 'x'.repeat(room % fillingBytes);
  return `{"action":"ping","pad":"${pad}"}`;
}

describe('a client frame that is understood', () => {
  it('is an ack of all through a seq, on the own channel or a named one', () => {
    expect(parse({ action: 'ack', seq: 58 })).toEqual({ action: 'ack', acks: [{ seq: 58 }] });
    expect(parse({ action: 'ack', seq: 0, channel: 'user:alice', epoch: 'e', ref: 'r' })).toEqual({
      action: 'ack',
      acks: [{ seq: 0, channel: 'user:alice', epoch: 'e' }],
      ref: 'r',
    });
  });

  it('is an ack of several channels at once', () => {
    const acks = [{ seq: 58 }, { seq: 7, channel: 'topic:news', epoch: 'e' }];
    expect(parse({ action: 'ack', acks, ref: 'r' })).toEqual({ action: 'ack', acks, ref: 'r' });
  });

  it.each([
    [{ acks: [] }, 'acks: expected a list of 1 to 200'],
    [{ acks: {} }, 'acks: expected a list of 1 to 200'],
    [{ acks: [{ seq: 1 }, 7] }, 'acks[1]: expected an object'],
    [{ acks: [{ seq: -1 }] }, 'acks[0].seq: expected an integer, 0 or more'],
    [{ acks: [{ seq: 1, channel: 7 }] }, 'acks[0].channel: expected a string'],
    [{ acks: [{ seq: 1 }], seq: 1 }, 'acks: expected either acks or seq'],
  ])('refuses acks that are none: %j', (fields, message) => {
    for (const action of 'seq' in fields ? ['ack'] : ['ack', 'ping'])
      expect(refusalOf(JSON.stringify({ action, ...fields }))).toMatchObject({ code: 'bad_frame', message });
  });

  it('is a subscribe, an unsubscribe, a message to the application', () => {
    const frames = [
      { action: 'subscribe', channel: 'topic:news', after: 42, epoch: 'e', ref: 's' },
      { action: 'unsubscribe', channel: 'topic:news', ref: 'u' },
      { action: 'send', destination: 'orders/accept', data: { a: [1] }, ref: 'a' },
    ];
    for (const frame of frames) expect(parse(frame)).toEqual(frame);
    expect(parse({ action: 'send', destination: 'x' })).toEqual({
      action: 'send',
      destination: 'x',
      data: null,
    });
  });

  it.each([
    [{ action: 'subscribe' }, 'channel: expected a string'],
    [{ action: 'subscribe', channel: 'topic:a', after: 1.5 }, 'after: expected an integer, 0 or more'],
    [{ action: 'unsubscribe', channel: 1 }, 'channel: expected a string'],
    [{ action: 'send' }, 'destination: expected 1 to 128 characters of A-Z a-z 0-9 . _ : - /'],
    [
      { action: 'send', destination: 'a b' },
      'destination: expected 1 to 128 characters of A-Z a-z 0-9 . _ : - /',
    ],
  ])('refuses what lacks its fields: %j', (frame, message) =>
    expect(refusalOf(JSON.stringify(frame))).toMatchObject({ code: 'bad_frame', message }),
  );

  it.each([
    ['{"a":[0,1e400]}', 'data.a[1]: expected a number that a double can hold'],
    ['-1e999', 'data: expected a number that a double can hold'],
    [`${'['.repeat(501)}${']'.repeat(501)}`, 'data: expected at most 500 levels of nesting'],
    [`{"${'x'.repeat(32_000)}":1e400}`, `data.${'x'.repeat(95)}: expected a number that a double can hold`],
  ])('refuses to send what could not be written again', (data, message) => {
    const refused = refusalOf(`{"action":"send","destination":"orders","data":${data},"ref":"r"}`);
    expect(refused).toMatchObject({ code: 'bad_frame', message, ref: 'r' });
  });

  it('is a sync after a seq, or after the cursor when it names none', () => {
    expect(parse({ action: 'sync', after: 42 })).toEqual({ action: 'sync', after: 42 });
    expect(parse({ action: 'sync' })).toEqual({ action: 'sync' });
    expect(parse({ action: 'sync', first: true })).toEqual({ action: 'sync', first: true });
  });

  it('is a ping, with acks or without', () => {
    expect(parse({ action: 'ping', ref: 'r' })).toEqual({ action: 'ping', ref: 'r' });
    const acks = [{ seq: 58 }, { seq: 7, channel: 'topic:news', epoch: 'e' }];
    expect(parse({ action: 'ping', acks, ref: 'r' })).toEqual({ action: 'ping', acks, ref: 'r' });
  });

  it('may carry fields that this version does not know', () => {
    expect(parse({ action: 'ping', later: { version: 2 }, seq: 'not its field' })).toEqual({
      action: 'ping',
    });
  });

  it('comes out as it went in, whatever its strings and numbers', () => {
    const text = fc.option(fc.string({ unit: 'grapheme', maxLength: 30 }), { nil: undefined });
    const common = { ref: text, channel: text, epoch: text };
    const frame = fc.oneof(
      fc.record({
        action: fc.constant('ack'),
        acks: fc.array(fc.record({ seq: fc.maxSafeNat(), channel: text, epoch: text }), {
          minLength: 1,
          maxLength: 5,
        }),
        ref: text,
      }),
      fc.record({
        action: fc.constant('sync'),
        after: fc.option(fc.maxSafeNat(), { nil: undefined }),
        ...common,
      }),
      fc.record({ action: fc.constant('ping'), ref: text }),
    );
    const fits = ({ ref }: { ref: string | undefined }) =>
      ref === undefined || Buffer.byteLength(JSON.stringify(ref)) <= 130;
    fc.assert(
      fc.property(frame.filter(fits), (sent) => {
        expect(parse(sent)).toEqual(sent);
      }),
    );
  });
});

describe('a client frame about the inbox', () => {
  it('asks for a page of a channel', () => {
    expect(parse({ action: 'history' })).toEqual({ action: 'history' });
    const whole = { action: 'history', channel: 'topic:news', before: 58, limit: 100, ref: 'h' };
    expect(parse(whole)).toEqual(whole);
  });

  it.each([0, 101, 1.5, '20', null])('is refused with the limit %j', (limit) => {
    expect(refuse({ action: 'history', limit, ref: 'h' })).toEqual({
      code: 'bad_frame',
      ref: 'h',
      message: 'limit: expected an integer from 1 to 100',
    });
  });

  it('marks what is read in one of three ways', () => {
    for (const mark of [{ through: 57 }, { through: 0 }, { seqs: [57, 51] }, { unread: [57] }])
      expect(parse({ action: 'read', ...mark, ref: 'm' })).toEqual({ action: 'read', mark, ref: 'm' });
  });

  it.each([
    [{}, 'expected exactly one of through, seqs, unread'],
    [{ through: 1, unread: [1] }, 'through: expected exactly one of through, seqs, unread'],
    [{ through: -1 }, 'through: expected an integer, 0 or more'],
    [{ through: '1' }, 'through: expected an integer, 0 or more'],
    [{ seqs: [] }, 'seqs: expected a list of 1 to 100 seqs'],
    [{ seqs: Array(101).fill(1) }, 'seqs: expected a list of 1 to 100 seqs'],
    [{ seqs: 5 }, 'seqs: expected a list of 1 to 100 seqs'],
    [{ seqs: [1, 0] }, 'seqs[1]: expected an integer, 1 or more'],
    [{ unread: [2 ** 53] }, 'unread[0]: expected an integer, 1 or more'],
  ])('is refused with the mark %j', (mark, message) => {
    expect(refuse({ action: 'read', ...mark, ref: 'm' })).toEqual({ code: 'bad_frame', ref: 'm', message });
  });
});

describe('a client frame that is refused', () => {
  it.each([undefined, '', ' ', '{', "{'action':'ping'}", '{"action":"ping"}x', 'NaN', '\u0000', '\uFEFF{}'])(
    'is bad_json when it is no JSON text: %j',
    (body) => expect(refusalOf(body)).toMatchObject({ code: 'bad_json', ref: undefined }),
  );

  it.each(['null', '1', '"ping"', 'true', '[]', '[{"action":"ping"}]'])(
    'is bad_frame when it is no JSON object: %s',
    (body) => expect(refusalOf(body).code).toBe('bad_frame'),
  );

  it.each([{}, { action: null }, { action: 1 }, { action: ['ack'] }, { action: {} }])(
    'is bad_frame without an action: %j',
    (frame) => expect(refuse({ ...frame, ref: 'r' })).toMatchObject({ code: 'bad_frame', ref: 'r' }),
  );

  it.each(['', 'ACK', ' ack', 'publish', '$connect', '$default', 'constructor', '__proto__', 'toString'])(
    'is unknown_action when there is no such action: %j',
    (action) => expect(refuse({ action, ref: 'r' })).toMatchObject({ code: 'unknown_action', ref: 'r' }),
  );

  const noPosition = [-1, 0.5, 2 ** 53, 1e300, '5', '', null, true, [5], {}];

  it.each([undefined, ...noPosition])('is bad_frame when it acks %j', (seq) => {
    expect(refuse({ action: 'ack', seq, ref: 'r' })).toMatchObject({ code: 'bad_frame', ref: 'r' });
    expect(refuse({ action: 'ack', seq }).message).toMatch(/^seq: /);
  });

  it.each([false, 'true', 1, null])('is bad_frame when it syncs first: %j', (first) => {
    expect(refuse({ action: 'sync', first, ref: 'r' })).toMatchObject({ code: 'bad_frame', ref: 'r' });
  });

  it.each(noPosition)('is bad_frame when it syncs after %j', (after) => {
    expect(refuse({ action: 'sync', after, ref: 'r' })).toMatchObject({ code: 'bad_frame', ref: 'r' });
  });

  it('is bad_frame when its seq is no number that JSON can hold', () => {
    expect(refusalOf('{"action":"ack","seq":1e999}').code).toBe('bad_frame');
  });

  it.each(['channel', 'epoch'])('is bad_frame when its %s is no string', (name) => {
    for (const value of [null, 1, {}, ['x']]) {
      expect(refuse({ action: 'ack', seq: 1, [name]: value, ref: 'r' })).toEqual({
        code: 'bad_frame',
        ref: 'r',
        message: `${name}: expected a string`,
      });
    }
  });

  it.each([1, null, {}, []])('is bad_frame when its ref is %j, which nobody can echo', (ref) =>
    expect(refuse({ action: 'ping', ref })).toMatchObject({ code: 'bad_frame', ref: undefined }),
  );

  it('is bad_frame when its ref is longer than 128 bytes', () => {
    expect(parse({ action: 'ping', ref: 'é'.repeat(64) })).toEqual({ action: 'ping', ref: 'é'.repeat(64) });
    expect(refuse({ action: 'ping', ref: `${'é'.repeat(64)}x` })).toMatchObject({
      code: 'bad_frame',
      ref: undefined,
    });
  });

  it('does not find its fields on a prototype', () => {
    expect(refusalOf('{"__proto__":{"action":"ping"}}').code).toBe('bad_frame');
    expect(refusalOf('{"action":"ack","__proto__":{"seq":1}}').code).toBe('bad_frame');
    expect(refusalOf('{"constructor":{"prototype":{"action":"ping"}}}').code).toBe('bad_frame');
    expect(parseClientFrame('{"action":"sync","__proto__":{"after":1,"ref":"r"}}')).toEqual({
      action: 'sync',
    });
  });

  it('leaves nothing behind on Object.prototype', () => {
    refusalOf('{"__proto__":{"polluted":1}}');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it('is refused with a FrameError and nothing else, whatever the text', () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.jsonValue().map((value) => JSON.stringify({ action: 'ack', seq: value, ref: value })),
      fc
        .record({
          action: fc.constantFrom('ack', 'sync', 'ping'),
          seq: fc.jsonValue(),
          after: fc.jsonValue(),
        })
        .map((frame) => JSON.stringify(frame)),
      fc.string({ unit: fc.constantFrom('\ud83d', '\ude00', '"', '{', '\u0000') }),
    );
    const property = fc.property(anyText, (body) => {
      try {
        parseClientFrame(body);
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError);
      }
    });
    fc.assert(property, { numRuns: 1000 });
  });

  it.each([
    ['lists', '['.repeat(MAX_FRAME_BYTES / 2) + ']'.repeat(MAX_FRAME_BYTES / 2)],
    ['objects', `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`],
    ['lists never closed', '['.repeat(MAX_FRAME_BYTES)],
  ])('does not exhaust the stack: deep %s', (_what, body) => {
    expect(['bad_json', 'bad_frame']).toContain(refusalOf(body).code);
  });
});

describe('the size of a client frame', () => {
  it.each(['x', 'é', '€', '😀'])('is counted in UTF-8 bytes: a frame of %s', (filling) => {
    const largest = frameOf(MAX_FRAME_BYTES, filling);
    expect(Buffer.byteLength(largest)).toBe(32_768);
    expect(parseClientFrame(largest)).toEqual({ action: 'ping' });
    expect(refusalOf(frameOf(MAX_FRAME_BYTES + 1, filling)).code).toBe('frame_too_large');
  });

  it('is judged before its content', () => {
    expect(refusalOf('x'.repeat(MAX_FRAME_BYTES + 1)).code).toBe('frame_too_large');
    expect(refusalOf('x'.repeat(MAX_FRAME_BYTES)).code).toBe('bad_json');
  });
});

describe('a publish frame', () => {
  const frame = { action: 'publish', ref: 'p1', to: { topic: 'team.7' }, type: 'note', data: { text: 'x' } };

  /** The code, the ref and the message it is refused with. */
  function publishRefusalOf(text: string): Pick<FrameError, 'code' | 'ref' | 'message'> {
    try {
      parsePublishFrame(text);
    } catch (error) {
      if (error instanceof FrameError) return error;
      throw error;
    }
    throw new Error(`accepted: ${text}`);
  }
  const refusePublish = (fields: object) => publishRefusalOf(JSON.stringify({ ...frame, ...fields }));

  it('has the fields of a notification, and keeps its text for numbers beyond JavaScript', () => {
    const text = JSON.stringify({ ...frame, id: 'k', collapseKey: 'c', retentionSeconds: 60 });
    expect(parsePublishFrame(text)).toEqual({
      action: 'publish',
      notification: {
        channels: [topicChannel('team.7')],
        type: 'note',
        data: frame.data,
        id: 'k',
        collapseKey: 'c',
        retentionSeconds: 60,
        trace: false,
        text,
      },
      tab: undefined,
      ref: 'p1',
    });
  });

  it('may name the tab that is the origin', () => {
    expect(parsePublishFrame(JSON.stringify({ ...frame, tab: '7f3a' })).tab).toBe('7f3a');
    for (const tab of ['', 'a/b', 'a b', 'x'.repeat(129), 7, null])
      expect(refusePublish({ tab })).toMatchObject({
        code: 'bad_frame',
        ref: 'p1',
        message: expect.stringMatching(/^tab: expected /),
      });
  });

  it.each([
    [{ excludeDeviceId: 'laptop' }, 'excludeDeviceId'],
    [{ excludeUserId: 'alice' }, 'excludeUserId'],
    [{ to: { topic: 'a b' } }, 'to.topic'],
    [{ to: { topic: 'news', everyone: true } }, 'to'],
    [{ type: undefined }, 'type'],
    [{ urgent: true }, 'urgent'],
    [{ collapseKey: 7 }, 'collapseKey'],
  ])('is refused with the field and the rule: %j', (fields, path) => {
    const { code, ref, message } = refusePublish(fields);
    expect([code, ref]).toEqual(['bad_frame', 'p1']);
    expect(message).toContain(`${path}: `);
  });

  it('is another action’s nowhere', () => {
    for (const action of ['ack', 'ping', '', 7, undefined])
      expect(refusePublish({ action })).toMatchObject({ code: 'unknown_action', ref: 'p1' });
    expect(refuse(frame)).toMatchObject({ code: 'unknown_action', ref: 'p1' });
  });

  it('is a JSON object of at most 32 KB, like every frame', () => {
    expect(publishRefusalOf('{').code).toBe('bad_json');
    expect(publishRefusalOf('[]').code).toBe('bad_frame');
    expect(publishRefusalOf('x'.repeat(MAX_FRAME_BYTES + 1)).code).toBe('frame_too_large');
    expect(refusePublish({ ref: 7 })).toMatchObject({ code: 'bad_frame', ref: undefined });
  });
});
