/** What the server writes, a client parses back to what was meant, whatever the strings hold. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BYES,
  type ByeCode,
  FRAME_ERRORS,
  FrameError,
  type FrameErrorCode,
} from '../../../../lambdas/protocol/errors.ts';
import { byeFrame, errorFrame, messageFrame, type WireMessage } from '../../../../lambdas/protocol/frames.ts';
import {
  MAX_FRAME_BYTES,
  MAX_SUBSCRIPTIONS,
  MAX_USER_ID_BYTES,
} from '../../../../lambdas/protocol/limits.ts';
import { encodeFrame, encodeMessage } from '../../../../lambdas/wire/herald/encode.ts';

/** Any UTF-16, lone surrogates, quotes and control characters included. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('\ud83d', '"', '\\', '\n', '\u2028', '😀') }),
);
const json = fc.oneof(
  fc.jsonValue(),
  anyText,
  fc.dictionary(anyText, anyText).map((members) => Object.fromEntries(Object.entries(members))),
);
const message = fc.record({
  seq: fc.maxSafeNat(),
  id: anyText,
  type: anyText,
  data: json,
  sentAt: fc.maxSafeNat(),
});
type Parsed = typeof message extends fc.Arbitrary<infer Value> ? Value : never;

const stored = ({ data, ...rest }: Parsed): WireMessage => ({ ...rest, data: JSON.stringify(data) });
/** What is left of a value that has been JSON once: no -0, no prototype. */
const throughJson = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value));

describe('the frame', () => {
  it('`message` parses back to the message, on its channel', () => {
    fc.assert(
      fc.property(anyText, message, (channel, sent) => {
        expect(JSON.parse(encodeFrame(messageFrame(channel, stored(sent))))).toEqual(
          throughJson({ event: 'message', channel, ...sent }),
        );
      }),
    );
  });

  it('`replay` parses back to its messages, in order, with nothing but their own fields', () => {
    const portion = fc.record({
      channel: anyText,
      epoch: anyText,
      after: fc.maxSafeNat(),
      through: fc.maxSafeNat(),
      expired: fc.maxSafeNat(),
      more: fc.boolean(),
    });
    fc.assert(
      fc.property(portion, fc.array(message, { maxLength: 5 }), (around, sent) => {
        const messages = sent.map(stored);
        expect(JSON.parse(encodeFrame({ event: 'replay', ...around, messages }))).toEqual(
          throughJson({ event: 'replay', ...around, messages: sent }),
        );
      }),
    );
  });

  it('tells the tab of origin where it is named', () => {
    fc.assert(
      fc.property(message, anyText, (sent, origin) => {
        const told = throughJson({ ...sent, origin });
        expect(JSON.parse(encodeFrame(messageFrame('c', stored(sent), origin)))).toEqual(
          throughJson({ event: 'message', channel: 'c', ...told }),
        );
        expect(JSON.parse(encodeMessage({ ...stored(sent), origin }))).toEqual(told);
      }),
    );
  });

  it('tells where an ack is not to wait', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const told = throughJson({ ...sent, ack: 'now' });
        const urgent = { ...stored(sent), ack: 'now' as const };
        expect(JSON.parse(encodeFrame(messageFrame('c', urgent)))).toEqual(
          throughJson({ event: 'message', channel: 'c', ...told }),
        );
        expect(JSON.parse(encodeMessage(urgent))).toEqual(told);
      }),
    );
  });

  it('`replay` tells how many were collapsed, if any were', () => {
    const around = { channel: 'c', epoch: 'e', messages: [], after: 1, through: 9, expired: 2, more: true };
    const encoded = (collapsed?: number) =>
      JSON.parse(encodeFrame({ event: 'replay', ...around, ...(collapsed !== undefined && { collapsed }) }));
    expect(encoded(6)).toEqual({ event: 'replay', ...around, collapsed: 6 });
    expect(encoded()).toEqual({ event: 'replay', ...around });
  });

  it('tells the origin device and the expiry to nobody', () => {
    const row = {
      ...stored({ seq: 1, id: 'i', type: 't', data: 1, sentAt: 2 }),
      originUserId: 'alice',
      originDeviceId: 'laptop',
      originTab: '7f3a',
      collapseKey: 'k',
      expiresAt: 9,
    };
    const told = { seq: 1, id: 'i', type: 't', data: 1, sentAt: 2 };
    expect(JSON.parse(encodeMessage(row))).toEqual(told);
    expect(JSON.parse(encodeFrame(messageFrame('c', row)))).toEqual({
      event: 'message',
      channel: 'c',
      ...told,
    });
  });

  it('passes `data` on as it was stored: numbers beyond JavaScript, spaces and the order of members', () => {
    const data = '{"b":1.10, "a":12345678901234567890}';
    expect(encodeMessage({ seq: 1, id: 'i', type: 't', data, sentAt: 2 })).toContain(`"data":${data},`);
  });

  it('`ready` parses back, an anonymous device as null', () => {
    const ready = fc.record({
      connectionId: anyText,
      userId: anyText,
      deviceId: fc.option(anyText),
      channel: anyText,
      epoch: anyText,
      head: fc.maxSafeNat(),
      cursor: fc.maxSafeNat(),
      subscriptions: fc.array(
        fc.record({ channel: anyText, epoch: anyText, head: fc.maxSafeNat(), cursor: fc.maxSafeNat() }),
      ),
      serverAt: fc.maxSafeNat(),
    });
    fc.assert(
      fc.property(ready, (sent) => {
        expect(JSON.parse(encodeFrame({ event: 'ready', ...sent }))).toEqual({ event: 'ready', ...sent });
      }),
    );
  });

  it('`pong` tells the head and the time', () => {
    expect(
      JSON.parse(
        encodeFrame({ event: 'pong', epoch: 'e', head: 58, subscriptions: [], serverAt: 1_795_939_441_798 }),
      ),
    ).toEqual({
      event: 'pong',
      epoch: 'e',
      head: 58,
      subscriptions: [],
      serverAt: 1_795_939_441_798,
    });
  });

  it.each(Object.keys(FRAME_ERRORS) as FrameErrorCode[])('`error` %s says whether to try again', (code) => {
    const { retryable } = FRAME_ERRORS[code];
    expect(JSON.parse(encodeFrame(errorFrame(new FrameError(code, 'why "so"', 'r'))))).toEqual({
      event: 'error',
      code,
      message: 'why "so"',
      retryable,
      ref: 'r',
    });
    expect(retryable).toBe(code === 'rate_limited' || code === 'internal');
  });

  it('`error` has no ref when the frame had none', () => {
    expect(JSON.parse(encodeFrame(errorFrame(new FrameError('bad_json', 'm'))))).not.toHaveProperty('ref');
  });

  it('`error` echoes any ref', () => {
    fc.assert(
      fc.property(anyText, (ref) => {
        expect(JSON.parse(encodeFrame(errorFrame(new FrameError('bad_frame', 'm', ref)))).ref).toBe(ref);
      }),
    );
  });

  it.each(['token_expired', 'replaced', 'too_many_connections', 'revoked'] satisfies ByeCode[])(
    '`bye` %s says why, and not to come back as before',
    (code) => {
      expect(JSON.parse(encodeFrame(byeFrame(code)))).toEqual({
        event: 'bye',
        code,
        message: BYES[code].message,
        reconnect: false,
        retryAfterMs: 0,
      });
    },
  );

  it('is valid UTF-8 even if a string is not: lone surrogates leave escaped', () => {
    const lone = { seq: 1, id: '\ud83d', type: '\udc00', data: JSON.stringify('\ud83d'), sentAt: 1 };
    expect(encodeFrame(messageFrame('\ud83d', lone)).isWellFormed()).toBe(true);
  });
});

describe('with as many subscriptions as may be, of the longest names,', () => {
  const MAX = Number.MAX_SAFE_INTEGER;
  const epoch = '00000000-0000-7000-8000-000000000000';
  /** JSON writes each of its characters as two. */
  const userId = '"'.repeat(MAX_USER_ID_BYTES);
  const channels = ['everyone', ...Array(MAX_SUBSCRIPTIONS).fill(`topic:${'t'.repeat(128)}`)];
  const states = channels.map((channel) => ({ channel, epoch, head: MAX, cursor: MAX }));

  it('`ready` fits into a frame', () => {
    const text = encodeFrame({
      event: 'ready',
      connectionId: 'c'.repeat(128),
      userId,
      deviceId: 'd'.repeat(128),
      channel: `user:${userId}`,
      epoch,
      head: MAX,
      cursor: MAX,
      subscriptions: states,
      serverAt: MAX,
    });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_FRAME_BYTES);
  });

  it('`pong` fits into a frame', () => {
    const subscriptions = states.map(({ cursor, ...state }) => state);
    const text = encodeFrame({ event: 'pong', epoch, head: MAX, subscriptions, serverAt: MAX });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_FRAME_BYTES);
  });
});
