/** Reads one HTTP/1.1 answer from the pieces a socket delivers (RFC 9112): as much of it as clients of AWS need. */

export interface HttpAnswer {
  status: number;
  /** Of a fault as AWS names it. */
  errorType: string | undefined;
  body: string;
}

export interface CompleteAnswer extends HttpAnswer {
  /** The server takes another request on the same connection. */
  mayReuse: boolean;
}

/** What came is no answer, or none that ends. */
export class MalformedAnswer extends Error {
  override readonly name = 'MalformedAnswer';
}

export interface AnswerReader {
  /** The answer, once this piece completes it. Throws a {@link MalformedAnswer}. */
  take(piece: Buffer): CompleteAnswer | undefined;
  /** The server has closed. Undefined: in the middle of the answer. */
  end(): CompleteAnswer | undefined;
}

interface Head {
  status: number;
  errorType: string | undefined;
  length: number | undefined;
  isChunked: boolean;
  mayReuse: boolean;
}

const HEAD_END = '\r\n\r\n';
const LINE_END = '\r\n';
const MAX_HEAD_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

export function createAnswerReader(): AnswerReader {
  let unread: Buffer = NOTHING;
  let head: Head | undefined;
  const parts: Buffer[] = [];
  let partsBytes = 0;

  const keep = (part: Buffer) => {
    parts.push(part);
    partsBytes += part.length;
  };

  /** Interim answers are passed over. */
  const takeHead = (): Head | undefined => {
    for (;;) {
      const end = unread.indexOf(HEAD_END);
      if (end < 0) {
        if (unread.length > MAX_HEAD_BYTES) throw new MalformedAnswer('its head does not end');
        return undefined;
      }
      const found = parseHead(unread.toString('latin1', 0, end));
      unread = unread.subarray(end + HEAD_END.length);
      if (found.status >= 200) return found;
    }
  };

  /** Whether the last chunk and what follows it are here. */
  const takeChunks = (): boolean => {
    for (;;) {
      const lineEnd = unread.indexOf(LINE_END);
      if (lineEnd < 0) return false;
      const size = chunkSize(unread.toString('latin1', 0, lineEnd));
      const start = lineEnd + LINE_END.length;
      if (size === 0) return takeTrailer(start);
      const end = start + size;
      if (unread.length < end + LINE_END.length) return false;
      keep(unread.subarray(start, end));
      unread = unread.subarray(end + LINE_END.length);
    }
  };

  const takeTrailer = (start: number): boolean => {
    const end =
      unread.indexOf(LINE_END, start) === start ? start - LINE_END.length : unread.indexOf(HEAD_END, start);
    if (end < 0) return false;
    unread = unread.subarray(end + HEAD_END.length);
    return true;
  };

  const takeBody = ({ isChunked, length }: Head): boolean => {
    if (isChunked) return takeChunks();
    keep(unread);
    unread = NOTHING;
    return length !== undefined && partsBytes >= length;
  };

  const complete = ({ status, errorType, length, mayReuse }: Head): CompleteAnswer => {
    const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    const isAll = unread.length === 0 && (length === undefined || partsBytes === length);
    return { status, errorType, body: bytes.toString('utf8', 0, length), mayReuse: mayReuse && isAll };
  };

  return {
    take(piece) {
      unread = unread.length === 0 ? piece : Buffer.concat([unread, piece]);
      head ??= takeHead();
      return head && takeBody(head) ? complete(head) : undefined;
    },
    end() {
      const endsByClosing = head && !head.isChunked && head.length === undefined;
      return head && endsByClosing ? complete({ ...head, mayReuse: false }) : undefined;
    },
  };
}

/** https://www.rfc-editor.org/rfc/rfc9112#name-message-body-length */
function parseHead(text: string): Head {
  const [statusLine = '', ...lines] = text.split(LINE_END);
  const status = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/.exec(statusLine);
  if (!status) throw new MalformedAnswer('it does not begin like one');
  const head: Head = {
    status: Number(status[2]),
    errorType: undefined,
    length: undefined,
    isChunked: false,
    mayReuse: status[1] === '1',
  };
  for (const line of lines) readHeader(head, line);
  if (head.isChunked) head.length = undefined;
  if (head.status === 204 || head.status === 304) return { ...head, isChunked: false, length: 0 };
  return head;
}

function readHeader(head: Head, line: string): void {
  const colon = line.indexOf(':');
  if (colon < 1) throw new MalformedAnswer('one of its headers has no name');
  const value = line.slice(colon + 1).trim();
  switch (line.slice(0, colon).toLowerCase()) {
    case 'content-length':
      if (!/^\d{1,15}$/.test(value)) throw new MalformedAnswer('its length is no number');
      head.length = Number(value);
      break;
    case 'transfer-encoding':
      if (value.toLowerCase() !== 'chunked') throw new MalformedAnswer('its encoding is not known');
      head.isChunked = true;
      break;
    case 'connection':
      if (/\bclose\b/i.test(value)) head.mayReuse = false;
      break;
    case 'x-amzn-errortype':
      head.errorType = value;
  }
}

function chunkSize(line: string): number {
  const digits = /^([0-9a-f]{1,8})[ \t]*(?:;|$)/i.exec(line)?.[1];
  if (digits === undefined) throw new MalformedAnswer('the size of a chunk is no number');
  return Number.parseInt(digits, 16);
}
