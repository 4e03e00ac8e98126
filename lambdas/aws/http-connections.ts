/** The kept-alive connections to one server: each with one request at a time, at most so many, the others wait their turn. */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type CompleteAnswer, createAnswerReader, type HttpAnswer } from './http-answer.ts';

/** Where a server is. */
export interface Origin {
  protocol: string;
  hostname: string;
  port: string;
}

export interface Timeouts {
  /** Until the connection stands, with its encryption. */
  connectMs: number;
  /** From when a connection is there for the request to the end of the answer; twice as long it may wait for the connection. */
  requestMs: number;
}

export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

/** The server gave the connection up before it had answered: so it does when that had been idle for long. */
class Reset extends Error {
  readonly code = 'ECONNRESET';
}

/**
 * Each new one costs a cold process a TLS handshake, so that some hundreds are slower than some dozens; and with answers within 10 ms
 * these are two thirds of the requests a second that an account has by default.
 */
const MAX_CONNECTIONS = 64;

export interface Connections {
  /** `fresh`: on a connection for this request alone. Rejects when there is no answer; the request may have arrived then. */
  exchange(request: string, fresh: boolean): Promise<HttpAnswer>;
}

interface Connection {
  readonly socket: Socket;
  /** The request it has not answered yet. */
  exchange: Exchange | undefined;
}

interface Exchange {
  readonly request: string;
  settle(answer: CompleteAnswer): void;
  fail(error: Error): void;
  /** From now on it may take so long. */
  limit(milliseconds: number): void;
  /** The one it was given to. */
  connection?: Connection;
}

export function createConnections(origin: Origin, { connectMs, requestMs }: Timeouts): Connections {
  const connectTo = opener(origin);
  const idle: Connection[] = [];
  const waiting: Exchange[] = [];
  let open = 0;

  function start(exchange: Exchange, connection: Connection): void {
    exchange.connection = connection;
    connection.exchange = exchange;
    exchange.limit(requestMs);
    connection.socket.ref().write(exchange.request);
  }

  /** Goes back to the others, or to whoever waits. */
  function release(connection: Connection): void {
    const next = waiting.shift();
    if (next) {
      start(next, connection);
    } else {
      connection.socket.unref();
      idle.push(connection);
    }
  }

  /** `isShared`: it is one of those that are kept. */
  function connect(exchange: Exchange, isShared: boolean): void {
    const socket = connectTo();
    const connection: Connection = { socket, exchange: undefined };
    listen(socket, origin.protocol === 'https:', connectMs, {
      isAsked: () => connection.exchange !== undefined,
      answered(answer) {
        const { exchange: answered } = connection;
        connection.exchange = undefined;
        if (isGivenUp(answer)) answered?.fail(new Reset('the server had given the connection up'));
        else answered?.settle(answer);
        if (answer.mayReuse && isShared) release(connection);
        else socket.destroy();
      },
      closed(error) {
        if (isShared) forget(connection);
        connection.exchange?.fail(error);
      },
    });
    if (isShared) open += 1;
    start(exchange, connection);
  }

  function forget(connection: Connection): void {
    open -= 1;
    const at = idle.indexOf(connection);
    if (at >= 0) idle.splice(at, 1);
    const next = waiting.shift();
    if (next) connect(next, true);
  }

  function begin(exchange: Exchange, fresh: boolean): void {
    const connection = fresh ? undefined : takeIdle();
    if (connection) start(exchange, connection);
    else if (fresh) connect(exchange, false);
    else if (open < MAX_CONNECTIONS) connect(exchange, true);
    else wait(exchange);
  }

  /** Not one that is just closing. */
  function takeIdle(): Connection | undefined {
    const connection = idle.pop();
    return connection?.socket.destroyed ? takeIdle() : connection;
  }

  function wait(exchange: Exchange): void {
    exchange.limit(2 * requestMs);
    waiting.push(exchange);
  }

  function giveUp(exchange: Exchange, error: Error): void {
    const at = waiting.indexOf(exchange);
    if (at >= 0) waiting.splice(at, 1);
    if (exchange.connection) {
      exchange.connection.socket.destroy(error);
      // What lies between may have forgotten the others as well: the next try must not find another one that is silent.
      for (const { socket } of idle.splice(0)) socket.destroy();
    } else {
      exchange.fail(error);
    }
  }

  return {
    exchange: (request, fresh) =>
      new Promise((resolve, reject) => {
        let late: NodeJS.Timeout | undefined;
        const exchange: Exchange = {
          request,
          limit(milliseconds) {
            clearTimeout(late);
            const error = () => new TimeoutError(`not answered in ${milliseconds} ms`);
            late = setTimeout(() => giveUp(exchange, error()), milliseconds);
          },
          settle(answer) {
            clearTimeout(late);
            resolve(answer);
          },
          fail(error) {
            clearTimeout(late);
            reject(error);
          },
        };
        begin(exchange, fresh);
      }),
  };
}

/** It was said before the server saw the request. https://www.rfc-editor.org/rfc/rfc9110#name-408-request-timeout */
const isGivenUp = ({ status, mayReuse }: CompleteAnswer): boolean => status === 408 && !mayReuse;

interface Hearer {
  /** A request is under way. */
  isAsked(): boolean;
  answered(answer: CompleteAnswer): void;
  /** Once, at the end of the connection. */
  closed(error: Error): void;
}

function listen(socket: Socket, isSecure: boolean, connectMs: number, hearer: Hearer): void {
  const timeout = () => new TimeoutError(`not connected in ${connectMs} ms`);
  const late = setTimeout(() => socket.destroy(timeout()), connectMs);
  let reader = createAnswerReader();
  let fault: Error | undefined;

  const tell = (answer: CompleteAnswer | undefined) => {
    if (!answer) return;
    reader = createAnswerReader();
    hearer.answered(answer);
  };
  socket.once(isSecure ? 'secureConnect' : 'connect', () => clearTimeout(late));
  socket.on('data', (piece: Buffer) => {
    try {
      if (!hearer.isAsked()) throw new Reset('the server spoke without being asked');
      tell(reader.take(piece));
    } catch (error) {
      socket.destroy(error as Error);
    }
  });
  socket.on('end', () => tell(hearer.isAsked() ? reader.end() : undefined));
  socket.on('error', (error) => {
    fault = error;
  });
  socket.on('close', () => {
    clearTimeout(late);
    hearer.closed(fault ?? new Reset('the server closed the connection'));
  });
}

/** Not an `import`: as ES modules `node:net` and `node:tls` cost each cold start, for they load all that they re-export. */
function opener({ protocol, hostname, port }: Origin): () => Socket {
  const host = hostname.replace(/^\[|\]$/g, ''); // an IPv6 address in a URL
  if (protocol === 'http:') {
    const { connect } = process.getBuiltinModule('node:net');
    return () => connect({ host, port: Number(port || 80), noDelay: true });
  }
  const { connect } = process.getBuiltinModule('node:tls');
  /** With that of an earlier connection the next handshake is a shorter one. */
  let session: Buffer | undefined;
  return () => {
    const socket: TLSSocket = connect({
      host,
      port: Number(port || 443),
      ...(isName(hostname) && { servername: host }),
      ...(session && { session }),
    });
    socket.on('session', (latest) => {
      session = latest;
    });
    return socket.setNoDelay(true);
  };
}

/** An address has no server name to indicate. */
const isName = (host: string): boolean => !/^[\d.]+$|^\[/.test(host);
