/** An HTTP answer is read for what it says, in whatever pieces it comes, and what is none is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CompleteAnswer,
  createAnswerReader,
  MalformedAnswer,
} from '../../../lambdas/aws/http-answer.ts';

const lines = (...all: string[]): string => all.join('\r\n');

/** The answer, if the pieces complete one; the rest of them is not looked at. */
function read(pieces: Buffer[]): CompleteAnswer | undefined {
  const reader = createAnswerReader();
  for (const piece of pieces) {
    const answer = reader.take(piece);
    if (answer) return answer;
  }
  return reader.end();
}

const readText = (text: string) => read([Buffer.from(text)]);

function cut(bytes: Buffer, places: number[]): Buffer[] {
  const all = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return all.slice(1).map((end, index) => bytes.subarray(all[index], end));
}

const body = fc.string({ unit: 'binary', maxLength: 300 });
const framed = fc.oneof(
  body.map((text) => ({
    text,
    wire: lines('HTTP/1.1 200 OK', `Content-Length: ${Buffer.byteLength(text)}`, '', text),
  })),
  fc.tuple(fc.array(body, { maxLength: 4 }), fc.boolean()).map(([chunks, hasTrailer]) => ({
    text: chunks.join(''),
    wire: lines(
      'HTTP/1.1 200 OK',
      'transfer-encoding: chunked',
      '',
      ...chunks
        .filter((chunk) => chunk !== '')
        .map((chunk) => lines(`${Buffer.byteLength(chunk).toString(16)};extension=1`, chunk)),
      '0',
      ...(hasTrailer ? ['x-amz-trailer: 1'] : []),
      '',
      '',
    ),
  })),
  body.map((text) => ({ text, wire: lines('HTTP/1.1 200', 'connection: close', '', text) })),
);
const interim = fc.constantFrom(
  '',
  lines('HTTP/1.1 100 Continue', '', ''),
  lines('HTTP/1.1 103 Early Hints', 'link: a', '', ''),
);

describe('an answer', () => {
  it('is the same however it is cut into pieces', () => {
    const property = fc.property(
      framed,
      interim,
      fc.array(fc.nat(), { maxLength: 8 }),
      (one, before, places) => {
        const answer = read(cut(Buffer.from(before + one.wire), places));
        expect(answer).toMatchObject({ status: 200, body: one.text });
      },
    );
    fc.assert(property, { numRuns: 1000 });
  });

  it('cut at every single byte is still the same', () => {
    const text = lines(
      'HTTP/1.1 429 x',
      'X-Amzn-ErrorType: LimitExceededException',
      'transfer-encoding: chunked',
      '',
      '3',
      'grü',
      '2',
      'ße',
      '0',
      '',
      '',
    );
    const bytes = Buffer.from(text.replace('3\r\n', '4\r\n').replace('2\r\nße', '3\r\nße'));
    expect(read(Array.from(bytes, (byte) => Buffer.from([byte])))).toEqual({
      status: 429,
      errorType: 'LimitExceededException',
      body: 'grüße',
      mayReuse: true,
    });
  });

  it.each(['204 No Content', '304 Not Modified'])('%s has no body, whatever its headers say', (status) => {
    expect(readText(lines(`HTTP/1.1 ${status}`, 'content-length: 5', '', ''))).toMatchObject({
      body: '',
      mayReuse: true,
    });
  });

  it('that is cut off is none', () => {
    expect(readText(lines('HTTP/1.1 200 OK', 'content-length: 5', '', 'four'))).toBeUndefined();
    expect(
      readText(lines('HTTP/1.1 200 OK', 'transfer-encoding: chunked', '', '4', 'four', '')),
    ).toBeUndefined();
    expect(readText('HTTP/1.1 200 OK\r\n')).toBeUndefined();
    expect(readText(lines('HTTP/1.1 100 Continue', '', ''))).toBeUndefined();
  });

  it('with a length and in chunks is read in chunks', () => {
    const both = lines(
      'HTTP/1.1 200 OK',
      'content-length: 99',
      'transfer-encoding: chunked',
      '',
      '2',
      'ab',
      '0',
      '',
      '',
    );
    expect(readText(both)).toMatchObject({ body: 'ab' });
  });
});

describe('its connection', () => {
  const length = 'content-length: 2';

  it('is used again when the server keeps it', () => {
    expect(readText(lines('HTTP/1.1 200 OK', length, '', 'ab'))).toMatchObject({ mayReuse: true });
    expect(readText(lines('HTTP/1.1 200 OK', length, 'Connection: keep-alive', '', 'ab'))).toMatchObject({
      mayReuse: true,
    });
  });

  it.each([
    ['the server closes it', lines('HTTP/1.1 200 OK', length, 'Connection: Close', '', 'ab')],
    ['it is of HTTP/1.0', lines('HTTP/1.0 200 OK', length, '', 'ab')],
    ['more follows than was asked for', lines('HTTP/1.1 200 OK', length, '', 'abc')],
    ['the end of the answer is its own', lines('HTTP/1.1 200 OK', '', 'ab')],
  ])('is not used again when %s', (_, text) => {
    expect(readText(text)).toMatchObject({ body: 'ab', mayReuse: false });
  });
});

describe('what is refused', () => {
  it.each([
    ['another protocol', lines('SSH-2.0-OpenSSH', '', '')],
    ['another version', lines('HTTP/2 200', '', '')],
    ['a status that is none', lines('HTTP/1.1 2000 OK', '', '')],
    ['a header without a name', lines('HTTP/1.1 200 OK', ': 5', '', '')],
    ['a length that is no number', lines('HTTP/1.1 200 OK', 'content-length: -5', '', '')],
    ['two lengths', lines('HTTP/1.1 200 OK', 'content-length: 5, 6', '', '')],
    ['an encoding nobody asked for', lines('HTTP/1.1 200 OK', 'transfer-encoding: gzip', '', '')],
    ['a chunk without a size', lines('HTTP/1.1 200 OK', 'transfer-encoding: chunked', '', 'x', '')],
    ['a head without end', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(70_000)}`],
  ])('%s', (_, text) => {
    expect(() => readText(text)).toThrow(MalformedAnswer);
  });

  it('nothing breaks on any bytes at all', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        read([Buffer.from(bytes)]);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedAnswer);
      }
    });
    fc.assert(property, { numRuns: 500 });
  });
});
