/** A plain WebSocket client that keeps every frame from the first tick on: for the demo, the command line and the tests. */
import { once } from 'node:events';
import WebSocket from 'ws';
import {
  type AckMode,
  type ClientMessage,
  DEFAULT_DIALECT,
  type ServerFrame,
} from '../../lambdas/protocol/frames.ts';

export interface ClientOptions {
  token: string;
  /** Default: an anonymous device. */
  deviceId?: string;
  ack?: AckMode;
  /** The device's older connection stays until this one is ready. */
  handover?: boolean;
}

/** The server refused the handshake. Browsers cannot see the status, `ws` can. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;

  constructor(status: number) {
    super(`the server refused the connection with ${status}`);
    this.status = status;
  }
}

export interface SentFrame {
  action: string;
  [field: string]: unknown;
}

type Event<Name> = Extract<ServerFrame, { event: Name }>;

export class Client {
  /** Every frame received, in order. */
  readonly frames: ServerFrame[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: WebSocket;
  readonly #watchers = new Set<() => void>();
  #isClosed = false;
  #listener: ((frame: ServerFrame) => void) | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.#isClosed = true;
        resolve({ code, reason: reason.toString() });
        for (const watch of this.#watchers) watch();
      });
    });
    socket.on('message', (data) => {
      const frame: ServerFrame = JSON.parse(data.toString());
      this.frames.push(frame);
      this.#listener?.(frame);
      for (const watch of this.#watchers) watch();
    });
  }

  /** Resolves once the socket is open. Rejects with {@link Refused} or the network's error. */
  static async open(url: string, { token, deviceId, ack, handover }: ClientOptions): Promise<Client> {
    const target = new URL(url);
    if (ack) target.searchParams.set('ack', ack);
    if (handover) target.searchParams.set('handover', '1');
    const socket = new WebSocket(target, DEFAULT_DIALECT, {
      headers: { Authorization: `Bearer ${token}`, ...(deviceId && { 'X-Device-Id': deviceId }) },
      perMessageDeflate: false,
    });
    const client = new Client(socket);
    socket.on('unexpected-response', (_request, response) => {
      socket.emit('error', new Refused(response.statusCode ?? 0));
      response.destroy();
    });
    await once(socket, 'open');
    socket.on('error', () => {}); // from here on `closed` tells
    return client;
  }

  /** Hears every frame, those already received first. */
  onFrame(listener: (frame: ServerFrame) => void): void {
    for (const frame of this.frames) listener(frame);
    this.#listener = listener;
  }

  /** The first frame that `matches`, past or to come. */
  async frame<Frame extends ServerFrame>(
    matches: (frame: ServerFrame) => frame is Frame,
    expectation: string,
    deadlineMs?: number,
  ): Promise<Frame> {
    return await this.until(() => this.frames.find(matches), expectation, deadlineMs);
  }

  /** The first frame of this event, past or to come. */
  async event<Name extends ServerFrame['event']>(name: Name, deadlineMs?: number): Promise<Event<Name>> {
    return await this.frame((frame): frame is Event<Name> => frame.event === name, name, deadlineMs);
  }

  /** Resolves when the server says the device has caught up. */
  async caughtUp(deadlineMs?: number): Promise<this> {
    await this.until(
      () => this.frames.some((frame) => frame.event === 'replay' && !frame.more),
      'a replay to its end',
      deadlineMs,
    );
    return this;
  }

  /** What was delivered so far, live or replayed, in order of arrival; a message that came twice is here twice. */
  get messages(): ClientMessage[] {
    return this.frames.flatMap((frame) =>
      frame.event === 'message' ? [frame] : frame.event === 'replay' ? frame.messages : [],
    );
  }

  /** Resolves with what `find` finds, as soon as it does. */
  async until<Found>(
    find: () => Found,
    expectation: string,
    deadlineMs = 10_000,
  ): Promise<NonNullable<Found>> {
    const { promise, resolve, reject } = Promise.withResolvers<NonNullable<Found>>();
    const fail = (why: string) =>
      reject(new Error(`${why} before ${expectation}; received: ${summary(this.frames)}`));
    const look = () => {
      const found = find();
      if (found) resolve(found);
      else if (this.#isClosed) fail('closed');
    };
    const deadline = setTimeout(() => fail(`${deadlineMs} ms passed`), deadlineMs);
    this.#watchers.add(look);
    look();
    try {
      return await promise;
    } finally {
      clearTimeout(deadline);
      this.#watchers.delete(look);
    }
  }

  /** As it goes over the wire; the server says what is wrong with it. */
  send(frame: SentFrame | string | Buffer): void {
    this.#socket.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
  }

  /** Closes as a page does that is left; resolves once closed. */
  async close(): Promise<void> {
    this.#socket.close();
    await this.closed;
  }

  /** Vanishes like a phone in a tunnel: no close frame. */
  async vanish(): Promise<void> {
    this.#socket.terminate();
    await this.closed;
  }
}

const summary = (frames: ServerFrame[]): string =>
  JSON.stringify(frames.slice(-5)).slice(0, 2000) +
  (frames.length > 5 ? ` (the last 5 of ${frames.length})` : '');
