/**
 * Reads STOMP frames from the text of one WebSocket message. What their names and values mean, and
 * how these are escaped, is not known here.
 */
import { utf8Bytes } from '../../protocol/limits.ts';
import { StompError } from '../../protocol/stomp.ts';

/** Of one frame, like the next. */
export const MAX_HEADERS = 64;
/** The command and the headers, in UTF-8. */
export const MAX_HEAD_BYTES = 8192;

const NUL = '\0';

/** A frame as it was written: names and values are still escaped. */
export interface RawFrame {
  command: string;
  /** In the order given; the first of a name counts. */
  headers: [name: string, value: string][];
  body: string;
}

/**
 * The frames of a text, one after the other; of a heart-beat none. The frames before a wrong one
 * are told before it throws a {@link StompError}.
 */
export function* framesIn(text: string): Generator<RawFrame, void> {
  for (let at = skipLineEnds(text, 0); at < text.length; ) {
    const { frame, end } = readFrame(text, at);
    yield frame;
    at = skipLineEnds(text, end);
  }
}

function skipLineEnds(text: string, from: number): number {
  let at = from;
  while (text[at] === '\n' || (text[at] === '\r' && text[at + 1] === '\n')) at += 1;
  return at;
}

function readFrame(text: string, start: number): { frame: RawFrame; end: number } {
  const { lines, end: bodyAt } = readHead(text, start);
  const [command = '', ...rest] = lines;
  if (!/^[A-Z]+$/.test(command)) throw bad('expected a command of capital letters');
  if (rest.length > MAX_HEADERS) throw bad(`expected at most ${MAX_HEADERS} headers`);
  const headers = rest.map(readHeader);
  const { body, end } = readBody(text, bodyAt, bodyBytes(headers));
  return { frame: { command, headers, body }, end };
}

/** The lines up to the empty one. */
function readHead(text: string, start: number): { lines: string[]; end: number } {
  const lines: string[] = [];
  for (let at = start; ; ) {
    const lineEnd = text.indexOf('\n', at);
    const line = text.slice(at, lineEnd < 0 ? undefined : lineEnd).replace(/\r$/, '');
    if (line.includes(NUL)) throw bad('expected an empty line after the headers');
    if (lineEnd < 0) throw cut();
    if (utf8Bytes(text.slice(start, lineEnd)) > MAX_HEAD_BYTES)
      throw bad(`expected command and headers of at most ${MAX_HEAD_BYTES} bytes`);
    at = lineEnd + 1;
    if (line === '') return { lines, end: at };
    lines.push(line);
    if (lines.length > MAX_HEADERS + 1) throw bad(`expected at most ${MAX_HEADERS} headers`);
  }
}

function readHeader(line: string): [string, string] {
  const colon = line.indexOf(':');
  if (colon <= 0) throw bad('expected a name and a colon in each header');
  return [line.slice(0, colon), line.slice(colon + 1)];
}

/** Undefined: the body ends at the first NUL. */
function bodyBytes(headers: RawFrame['headers']): number | undefined {
  const length = headers.find(([name]) => name === 'content-length')?.[1].trim();
  return length !== undefined && /^\d{1,9}$/.test(length) ? Number(length) : undefined;
}

/** React Native cuts a text at its first NUL, so the last frame may lack its own. */
function readBody(text: string, from: number, bytes: number | undefined): { body: string; end: number } {
  if (bytes === undefined) {
    const nul = text.indexOf(NUL, from);
    return nul < 0
      ? { body: text.slice(from), end: text.length }
      : { body: text.slice(from, nul), end: nul + 1 };
  }
  const end = afterBytes(text, from, bytes);
  if (end < text.length && text[end] !== NUL) throw bad('expected NUL where content-length ends');
  return { body: text.slice(from, end), end: end + 1 };
}

/** Where so many bytes of UTF-8 end. */
function afterBytes(text: string, from: number, bytes: number): number {
  let at = from;
  for (let left = bytes; left > 0; ) {
    const point = text.codePointAt(at);
    if (point === undefined) throw cut();
    left -= point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
    if (left < 0) throw bad('expected content-length to end between two characters');
    at += point < 0x1_0000 ? 1 : 2;
  }
  // The optimised `codePointAt` of V8 may read past the end of a text that is a slice of another.
  if (at > text.length) throw cut();
  return at;
}

const bad = (message: string): StompError => new StompError('bad_frame', message);

/** Frames run side by side, so pieces are not put together. */
const cut = (): StompError =>
  new StompError(
    'frame_too_large',
    'The frame ends too early. Frames may not be split: send at most 16 KB, or 32 KB unsplit.',
  );
