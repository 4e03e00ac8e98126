/** The wire between a page and the stack, which can be cut: what is on it gets stuck, nobody is told, and nobody new gets through. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Transform } from 'node:stream';

export interface Wire {
  /** The stack, as it is seen through the wire. */
  httpUrl: string;
  /** Connections stay, half open: nothing passes on either side. */
  cut(): void;
  /** Newcomers get through again. What was cut is reset, as by a router that has forgotten it. */
  mend(): void;
  stop(): Promise<void>;
}

export interface WireOptions {
  /** The stack takes every page for its own, whatever name or sandbox the page has. */
  asOwnPage?: boolean;
}

export async function stretchWire(stackUrl: string, { asOwnPage = false }: WireOptions = {}): Promise<Wire> {
  const { hostname, port, host, origin } = new URL(stackUrl);
  const sockets = new Set<Socket>();
  let isCut = false;

  const keep = (socket: Socket): void => {
    sockets.add(socket);
    // An end that is lost tells the other one, unless the wire was cut in between.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    keep(near);
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(Number(port), hostname);
    keep(far);
    if (asOwnPage) near.pipe(renaming(host, origin)).pipe(far).pipe(near);
    else near.pipe(far).pipe(near);
    near.once('close', () => far.destroy());
    far.once('close', () => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the wire has no port');

  return {
    httpUrl: `http://127.0.0.1:${address.port}`,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    mend() {
      isCut = false;
      for (const socket of sockets) if (socket.isPaused()) socket.resetAndDestroy();
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

const REQUEST_LINE = /^[A-Z]+ \S+ HTTP\/1\.1\r\n/;

/** Requests get another `Host` and `Origin`; the frames of a WebSocket pass as they are. */
const renaming = (host: string, origin: string): Transform =>
  new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const text = chunk.toString('latin1');
      const isRequest = REQUEST_LINE.test(text);
      const renamed = text
        .replace(/\r\nHost: [^\r]*/i, `\r\nHost: ${host}`)
        .replace(/\r\nOrigin: [^\r]*/i, `\r\nOrigin: ${origin}`);
      done(null, isRequest ? Buffer.from(renamed, 'latin1') : chunk);
    },
  });
