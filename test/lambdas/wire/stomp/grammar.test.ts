/** The grammar of STOMP: what is written is read, and what is not a frame is refused, never misread. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8Bytes } from '../../../../lambdas/protocol/limits.ts';
import { STOMP_VERSIONS, StompError, type StompVersion } from '../../../../lambdas/protocol/stomp.ts';
import { encodeStomp } from '../../../../lambdas/wire/stomp/encode.ts';
import { escapeHeader, unescapeHeader } from '../../../../lambdas/wire/stomp/escapes.ts';
import {
  framesIn,
  MAX_HEAD_BYTES,
  MAX_HEADERS,
  type RawFrame,
} from '../../../../lambdas/wire/stomp/grammar.ts';

const read = (text: string) => [...framesIn(text)];
const codeOf = (text: string): string => {
  try {
    read(text);
    return 'none';
  } catch (error) {
    if (error instanceof StompError) return error.code;
    throw error;
  }
};

const unit = fc.oneof(
  fc.constantFrom(':', '\\', '\n', '\r', 'n', 'c', 'é', '€', '😀'),
  fc.string({ maxLength: 3 }),
);
const text = fc
  .array(unit, { maxLength: 8 })
  .map((parts) => parts.join('').replaceAll('\0', '').toWellFormed());
/** Version 1.0 has no escapes, so it cannot say these. */
const plain = text.map((value) => value.replace(/[\r\n]/g, ''));
const body = fc
  .array(fc.oneof(unit, fc.constant('\0')), { maxLength: 12 })
  .map((parts) => parts.join('').toWellFormed());

interface Written {
  command: string;
  name: string;
  value: string;
  body: string;
}

const frame = (version: StompVersion): fc.Arbitrary<Written> =>
  fc.record({
    command: fc.constantFrom('SEND', 'MESSAGE', 'ERROR'),
    name: (version === '1.0' ? plain.map((name) => name.replaceAll(':', '')) : text).map(
      (name) => `x${name}`,
    ),
    value: version === '1.0' ? plain : text,
    body,
  });
const write = (version: StompVersion, { command, name, value, body }: Written) =>
  encodeStomp(command, { [name]: value }, version, body);
const meant = (version: StompVersion, { command, headers, body }: RawFrame): Written => {
  const [[name, value] = ['', '']] = headers;
  return { command, name: unescapeHeader(name, version), value: unescapeHeader(value, version), body };
};

describe.each(STOMP_VERSIONS)('version %s', (version) => {
  it('reads what it has written, alone and many in a text', () => {
    const frames = fc.array(frame(version), { minLength: 1, maxLength: 5 });
    const between = fc.constantFrom('', '\n', '\r\n', '\n\n');
    fc.assert(
      fc.property(frames, between, (written, gap) => {
        const batch = gap + written.map((one) => write(version, one) + gap).join('');
        expect(read(batch).map((one) => meant(version, one))).toEqual(written);
      }),
    );
  });

  it('refuses a frame that is cut anywhere, but for its NUL', () => {
    const cutAt = fc.tuple(frame(version), fc.nat()).filter(([{ body }]) => body !== '');
    fc.assert(
      fc.property(cutAt, ([one, at]) => {
        const whole = write(version, one);
        const length = 1 + (at % (whole.length - 1));
        if (length === whole.length - 1) {
          expect(read(whole.slice(0, length)).map((cut) => meant(version, cut))).toEqual([one]);
        } else {
          expect(codeOf(whole.slice(0, length))).toBe('frame_too_large');
        }
      }),
    );
  });

  it('counts the length of a body in bytes', () => {
    fc.assert(
      fc.property(frame(version), (one) => {
        const length = /\ncontent-length:(\d+)\n/.exec(write(version, { ...one, name: 'x', value: '' }))?.[1];
        expect(Number(length)).toBe(utf8Bytes(one.body));
      }),
    );
  });

  it('writes one line for each header, whatever its value', () => {
    fc.assert(
      fc.property(text, (value) => {
        const written = encodeStomp('MESSAGE', { destination: value }, version, '');
        expect(written.split('\n')).toHaveLength(5);
      }),
    );
  });
});

describe('escapes', () => {
  it.each(['\\t', 'a\\', '\\N', '\\:'])('refuses %j', (value) => {
    expect(() => unescapeHeader(value, '1.1')).toThrow(StompError);
    expect(() => unescapeHeader(value, '1.2')).toThrow(StompError);
    expect(unescapeHeader(value, '1.0')).toBe(value);
  });

  it('come out as they went in', () => {
    fc.assert(
      fc.property(text, fc.constantFrom('1.1' as const, '1.2' as const), (value, version) => {
        expect(escapeHeader(value, version)).not.toMatch(/[\n\r:]/);
        expect(unescapeHeader(escapeHeader(value, version), version)).toBe(value);
      }),
    );
  });

  it('leaves a bare colon in a value alone', () => expect(unescapeHeader('a:b', '1.2')).toBe('a:b'));
});

describe('a text', () => {
  it.each(['\n', '\r\n', '\n\n\r\n', ''])('of line ends only is a heart-beat: %j', (beat) => {
    expect(read(beat)).toEqual([]);
  });

  it('may have CRLF and a frame without its NUL at the end', () => {
    expect(read('CONNECT\r\naccept-version:1.2\r\n\r\n')).toEqual([
      { command: 'CONNECT', headers: [['accept-version', '1.2']], body: '' },
    ]);
  });

  it('tells the frames before a wrong one', () => {
    const frames = framesIn('ACK\nid:1\n\n\0nonsense\n\n\0');
    expect(frames.next().value).toMatchObject({ command: 'ACK' });
    expect(() => frames.next()).toThrow('capital letters');
  });

  it.each([
    ['a command in small letters', 'send\n\n\0'],
    ['JSON', '{"action":"ping"}\n\n\0'],
    ['a header without a colon', 'SEND\nx\n\n\0'],
    ['a header without a name', 'SEND\n:x\n\n\0'],
    ['NUL in the head', 'SEND\nx:1\0'],
    ['no NUL where the body ends', 'SEND\ncontent-length:1\n\nab\0'],
    ['a length that ends within a character', 'SEND\ncontent-length:1\n\né\0'],
    ['too many headers', `SEND\n${'x:1\n'.repeat(MAX_HEADERS + 1)}\n\0`],
    ['too large a head', `SEND\nx:${'1'.repeat(MAX_HEAD_BYTES)}\n\n\0`],
  ])('is refused for %s', (_why, wrong) => expect(codeOf(wrong)).toBe('bad_frame'));

  it('may be as large as the limits', () => {
    const headers = 'x:1\n'.repeat(MAX_HEADERS);
    expect(read(`SEND\n${headers}\n\0`)[0]?.headers).toHaveLength(MAX_HEADERS);
    expect(read(`SEND\nx:${'1'.repeat(MAX_HEAD_BYTES - 8)}\n\n\0`)).toHaveLength(1);
  });

  it('takes a length that is no number for none', () => {
    expect(read('SEND\ncontent-length:ten\n\nabc\0')[0]?.body).toBe('abc');
  });

  it('of a piece is told so', () =>
    expect(codeOf(`SEND\ncontent-length:20000\n\n${'x'.repeat(16_000)}`)).toBe('frame_too_large'));

  it('never ends in anything but frames or a StompError', () => {
    const noise = fc.array(fc.oneof(unit, fc.constantFrom('\0', 'SEND', 'content-length:3', '\n\n')), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(noise, (parts) => {
        expect(codeOf(parts.join(''))).toMatch(/^(none|bad_frame|frame_too_large)$/);
      }),
    );
  });
});
