/** Whatever a server does to its connections, every request is answered by its own answer or fails, and nothing is left over. */
import { execFile } from 'node:child_process';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it, onTestFailed } from 'vitest';
import { createSender, type HttpAnswer, originOf, type Timeouts } from '../../../lambdas/aws/http.ts';
import { Random } from '../../simulation/random.ts';
import { onRequests, useRawServer } from '../../support/raw-server.ts';

const TIMEOUTS: Timeouts = { connectMs: 500, requestMs: 300 };

const server = useRawServer();

const sender = (timeouts = TIMEOUTS) => {
  const send = createSender(timeouts);
  return (path = '/'): Promise<HttpAnswer> =>
    send({ origin: server.origin, method: 'GET', path, headers: { host: 'x' }, body: '' });
};

const lines = (...all: string[]): string => all.join('\r\n');

/** Answers each request with these pieces, and closes the connection where that ends the answer. */
const answerWith =
  (pieces: (string | Buffer)[], closes = false) =>
  (socket: Socket) =>
    onRequests(socket.setNoDelay(true), () => {
      const [piece, ...rest] = pieces;
      const write = (next: string | Buffer | undefined, others: (string | Buffer)[]): void => {
        if (next === undefined) return void (closes && socket.end());
        socket.write(next);
        setImmediate(() => write(others[0], others.slice(1)));
      };
      write(piece, rest);
    });

function cut(bytes: Buffer, places: number[]): Buffer[] {
  const all = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return all.slice(1).map((end, index) => bytes.subarray(all[index], end));
}

const body = fc.string({ unit: 'binary', maxLength: 300 });
const framed = fc.oneof(
  body.map((text) => ({
    text,
    closes: false,
    wire: lines('HTTP/1.1 200 OK', `Content-Length: ${Buffer.byteLength(text)}`, '', text),
  })),
  fc.tuple(fc.array(body, { maxLength: 4 }), fc.boolean()).map(([chunks, hasTrailer]) => ({
    text: chunks.join(''),
    closes: false,
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
  body.map((text) => ({
    text,
    closes: true,
    wire: lines('HTTP/1.1 200 OK', 'connection: close', '', text),
  })),
);
const interim = fc.constantFrom(
  '',
  lines('HTTP/1.1 100 Continue', '', ''),
  lines('HTTP/1.1 103 Early Hints', 'link: a', '', ''),
);

describe('an answer', () => {
  it('is the same however it is cut into pieces', async () => {
    const send = sender({ connectMs: 5000, requestMs: 5000 });
    const property = fc.asyncProperty(
      framed,
      interim,
      fc.array(fc.nat(), { maxLength: 8 }),
      async ({ text, closes, wire }, before, places) => {
        for (const socket of server.sockets) socket.destroy();
        server.meet = answerWith(cut(Buffer.from(before + wire), places), closes);
        expect(await send()).toEqual({ status: 200, errorType: undefined, body: text });
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });

  it('cut at every single byte is still the same, and names the fault', async () => {
    const text = lines(
      'HTTP/1.1 429 x',
      'X-Amzn-ErrorType: LimitExceededException',
      'transfer-encoding: chunked',
      '',
      '4',
      'grü',
      '3',
      'ße',
      '0',
      '',
      '',
    );
    server.meet = answerWith(Array.from(Buffer.from(text), (byte) => Buffer.from([byte])));
    expect(await sender({ connectMs: 5000, requestMs: 5000 })()).toEqual({
      status: 429,
      errorType: 'LimitExceededException',
      body: 'grüße',
    });
  });

  it.each(['204 No Content', '304 Not Modified'])(
    '%s has no body, whatever its headers say',
    async (status) => {
      server.meet = answerWith([lines(`HTTP/1.1 ${status}`, 'content-length: 5', '', '')]);
      expect(await sender()()).toMatchObject({ body: '' });
    },
  );

  it.each([
    ['another protocol', lines('SSH-2.0-OpenSSH', '', '')],
    ['a length that is no number', lines('HTTP/1.1 200 OK', 'content-length: -5', '', '')],
    ['two lengths', lines('HTTP/1.1 200 OK', 'content-length: 5, 6', '', '')],
    [
      'a length, and chunks',
      lines('HTTP/1.1 200 OK', 'content-length: 9', 'transfer-encoding: chunked', '', ''),
    ],
    ['a chunk without a size', lines('HTTP/1.1 200 OK', 'transfer-encoding: chunked', '', 'x', '')],
    ['a head without end', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(70_000)}`],
    ['less than it said', lines('HTTP/1.1 200 OK', 'content-length: 5', '', 'four')],
    ['chunks without an end', lines('HTTP/1.1 200 OK', 'transfer-encoding: chunked', '', '4', 'four', '')],
    ['nothing but an interim answer', lines('HTTP/1.1 100 Continue', '', '')],
    ['nothing', ''],
  ])('that is %s is none', async (_, text) => {
    server.meet = answerWith([text], true);
    await expect(sender()()).rejects.toThrow();
  });

  it('of any bytes at all breaks nothing', async () => {
    const send = sender();
    const property = fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
      server.meet = answerWith([Buffer.from(bytes)], true);
      await expect(send()).rejects.toThrow();
    });
    await fc.assert(property, { numRuns: 100 });
    server.meet = answerWith([lines('HTTP/1.1 200 OK', 'content-length: 2', '', 'ab')]);
    expect(await send()).toMatchObject({ body: 'ab' });
  });
});

describe('a connection', () => {
  const length = 'content-length: 2';

  /** How many connections three requests in a row have taken. */
  async function connectionsFor(answer: string, closes = false): Promise<number> {
    let connections = 0;
    server.meet = (socket) => {
      connections += 1;
      answerWith([answer], closes)(socket);
    };
    const send = sender();
    for (let request = 0; request < 3; request++) expect(await send()).toMatchObject({ body: 'ab' });
    return connections;
  }

  it('is used again when the server keeps it', async () => {
    expect(await connectionsFor(lines('HTTP/1.1 200 OK', length, '', 'ab'))).toBe(1);
    expect(await connectionsFor(lines('HTTP/1.1 200 OK', length, 'Connection: keep-alive', '', 'ab'))).toBe(
      1,
    );
  });

  it.each([
    ['the server will close it', lines('HTTP/1.1 200 OK', length, 'Connection: Close', '', 'ab'), false],
    ['it is of HTTP/1.0', lines('HTTP/1.0 200 OK', length, '', 'ab'), false],
    ['the end of the answer is its own', lines('HTTP/1.1 200 OK', '', 'ab'), true],
  ])('is not used again when %s', async (_, answer, closes) => {
    expect(await connectionsFor(answer, closes)).toBe(3);
  });

  it('on which the server says more than it was asked for hands none of it to the next request', async () => {
    const told = (text: string) => lines('HTTP/1.1 200 OK', `content-length: ${text.length}`, '', text);
    for (const isLate of [false, true]) {
      server.meet = (socket) =>
        onRequests(socket, (path) => {
          const more = () => socket.write(told('of nobody'));
          socket.write(told(path));
          if (isLate) setImmediate(more);
          else more();
        });
      const send = sender();
      for (const path of ['/1', '/2', '/3', '/4']) {
        const heard = await send(path).then(
          (answer) => answer.body,
          (error: NodeJS.ErrnoException) => error.code,
        );
        expect([path, 'ECONNRESET', 'HPE_INVALID_CONSTANT']).toContain(heard);
      }
    }
  });
});

describe('a process', () => {
  it('ends with its work, whatever connections it keeps', async () => {
    server.meet = answerWith([lines('HTTP/1.1 200 OK', 'content-length: 2', '', 'ab')]);
    const script = `
      const { createSender } = await import(${JSON.stringify(new URL('../../../lambdas/aws/http.ts', import.meta.url).href)});
      const send = createSender({ connectMs: 3_600_000, requestMs: 3_600_000 });
      const request = { origin: ${JSON.stringify(server.origin)}, method: 'POST', path: '/', headers: { host: 'x' }, body: '' };
      console.log((await send(request)).body);`;
    const ended = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      env: { NODE_NO_WARNINGS: '1' },
      timeout: 60_000,
    });
    expect((await ended).stdout).toBe('ab\n');
  });
});

it('an IPv6 address is one', () => {
  expect(originOf('http://[::1]:8787/prod')).toMatchObject({
    hostname: '::1',
    host: '[::1]:8787',
    port: '8787',
  });
});

describe('many requests', () => {
  const REQUESTS = 2000;
  const CALLERS = 150;

  /** Answers with the path: late, in pieces, by length or in chunks; or cuts, resets, closes, or says nothing. */
  function misbehave(random: Random, socket: Socket): void {
    onRequests(socket, (path) => {
      if (random.chance(0.02)) return;
      setTimeout(() => answer(random, socket, path), random.chance(0.5) ? 0 : random.next() * 20);
    });
  }

  function answer(random: Random, socket: Socket, path: string): void {
    if (random.chance(0.05)) return void socket.destroy();
    if (random.chance(0.05)) return void socket.resetAndDestroy();
    const body = path + '.'.repeat(random.integer(0, 3000));
    const framed = random.chance(0.5)
      ? `content-length: ${body.length}\r\n\r\n${body}`
      : `transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const text = `HTTP/1.1 200 OK\r\n${framed}`;
    const cutAt = random.integer(0, text.length - 1);
    socket.write(text.slice(0, cutAt));
    if (random.chance(0.05)) return void socket.destroy();
    setImmediate(() => {
      socket.write(text.slice(cutAt));
      const end = random.next();
      if (end < 0.1) socket.end();
      else if (end < 0.2) setTimeout(() => socket.destroy(), random.next() * 5);
    });
  }

  it('to a server that misbehaves in every way are each answered by their own answer, or fail', async () => {
    const seed = Date.now() % 1_000_000;
    onTestFailed(() => console.error(`The server drew from the seed ${seed}`));
    const random = new Random(seed);
    server.meet = (socket) => misbehave(random, socket);
    const send = sender({ connectMs: 10_000, requestMs: 1500 });
    const outcomes = new Map<string, number>();
    let asked = 0;
    const caller = async () => {
      while (asked < REQUESTS) {
        const path = `/${++asked}`;
        const outcome = await send(path).then(
          ({ status, body }) => (status === 200 && body.replace(/\.*$/, '') === path ? 'its own' : 'another'),
          (error: NodeJS.ErrnoException) => error.code ?? error.name,
        );
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));

    const { 'its own': own = 0, ...failures } = Object.fromEntries(outcomes);
    expect(own).toBeGreaterThan(REQUESTS / 2);
    for (const failure of Object.keys(failures))
      expect(['ECONNRESET', 'EPIPE', 'TimeoutError']).toContain(failure);
  });
});
