/**
 * One WebSocket from its token to its end: deadlines for every step, a ping to keep it open, a
 * probe to find out whether it is.
 */
import type { ByeFrame, DialectName, ReadyFrame } from '../lambdas/protocol/frames.ts';
import type { Ack } from './acks.ts';
import type { World } from './environment.ts';
import { type FromWire, parseFrame } from './frame.ts';
import type { ReadFrame } from './inbox/inbox-frames.ts';
import type { Subscription } from './subscription.ts';
import { Timer } from './timing.ts';
import { HeraldError, type Socket } from './types.ts';

export interface Ended {
  /** All that is known. */
  message: string;
  error?: unknown;
  /** Of the refused handshake; NaN where the platform does not tell. */
  httpStatus?: number;
  bye?: ByeFrame | undefined;
  /** With which it was opened. */
  token?: string | undefined;
}

export interface ConnectionHost {
  token(): Promise<string>;
  /** Takes a frame. The next frame waits until the promise has resolved. */
  frame(connection: Connection, frame: FromWire, size: number): Promise<void>;
  /** Acks that leave with the connection's next ping, if there are some. */
  riding(connection: Connection): Ack[] | undefined;
  /** Comes once, and nothing after it. */
  ended(connection: Connection, ended: Ended): void;
}

const OPEN = 1;

/** How frames are written that this client reads. */
const DIALECT: DialectName = 'herald.v1';

export class Connection {
  /** What the server said when the connection began. */
  ready: ReadyFrame | undefined;
  /** By channel, the user's own among them. */
  readonly subscriptions = new Map<string, Subscription>();
  /** The newest seq that came, by channel, before the server said that the channel is heard. */
  readonly early = new Map<string, number>();
  /** What came before `ready`. */
  earlyRead: ReadFrame | undefined;
  /**
   * It was opened while another connection was delivering. Then what is known here may be ahead of
   * the head in its `ready`.
   */
  readonly isOverlapping: boolean;
  /** Another connection was opened to take over: from now on `replaced` is what we asked for. */
  isRelieved = false;
  readonly #world: World;
  readonly #host: ConnectionHost;
  #isOpen = false;
  #socket: Socket | undefined;
  #token: string | undefined;
  #error: unknown;
  #isEnded = false;
  /** Since the last ping. */
  #quietMs = 0;
  /** For the step being waited for, or the answer to a probe. */
  readonly #deadline: Timer;
  readonly #tick: Timer;
  #turn: Promise<void> = Promise.resolve();

  constructor(world: World, url: string, isOverlapping: boolean, host: ConnectionHost) {
    this.isOverlapping = isOverlapping;
    this.#world = world;
    this.#host = host;
    this.#deadline = new Timer(world);
    this.#tick = new Timer(world);
    void this.#open(url);
  }

  /** The device is live when it has caught up with its user's own channel. */
  get isReplaying(): boolean {
    return !!this.subscriptions.get(this.ready?.channel ?? '')?.isOpen;
  }

  send(frame: object): boolean {
    if (this.#isEnded || this.#socket?.readyState !== OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Ends the connection unless something is heard soon. */
  probe(): void {
    this.send({ action: 'ping', acks: this.#host.riding(this) });
    this.#quietMs = 0;
    if (!this.#deadline.isSet) this.#expect('no pong', this.#world.timing.probeTimeoutMs);
  }

  /** Closes it and says so: what follows is decided by who listens. */
  end(ended: Ended): void {
    if (this.#isEnded) return;
    this.close();
    this.#host.ended(this, { token: this.#token, ...ended });
  }

  /** Closes it and tells nobody. */
  close(): void {
    this.#isEnded = true;
    for (const { deadline } of this.subscriptions.values()) deadline.cancel();
    this.#deadline.cancel();
    this.#tick.cancel();
    if (this.#socket) closeQuietly(this.#socket);
  }

  async #open(url: string): Promise<void> {
    try {
      // A promise, so that the owner of this connection knows it before the first event.
      this.#token = await Promise.resolve().then(() => this.#host.token());
      if (this.#isEnded) return;
      this.#expect('no answer');
      this.#socket = this.#world.openSocket(url, [DIALECT, `bearer.${this.#token}`]);
    } catch (error) {
      // The browser's own words may quote the token.
      const isOurs = error instanceof HeraldError;
      return this.#fail(isOurs ? error.message : `WebSocket: ${(error as Error)?.name}`, error);
    }
    this.#listen(this.#socket);
  }

  #listen(socket: Socket): void {
    socket.onopen = () => {
      this.#isOpen = true;
      this.#expect('not ready');
      // `ready` and the first replay come by it, sooner than without.
      this.send({ action: 'sync', first: true });
      this.#keepAlive();
    };
    socket.onmessage = ({ data }: { data: unknown }) => this.#receive(data);
    // Browsers and Node tell nothing; `ws` the status, in words.
    socket.onerror = (event: { error?: unknown; message?: string }) => {
      this.#error = event.error ?? event.message;
    };
    socket.onclose = ({ code }: { code?: number }) => {
      if (this.#isOpen) return this.#fail(`closed (${code})`);
      const [message, status] = /Unexpected server response: (\d+)/.exec(String(this.#error)) ?? [
        'no network, no server, or a refused token',
      ];
      this.end({ message, error: this.#error, httpStatus: Number(status) });
    };
  }

  #receive(data: unknown): void {
    if (this.#isEnded) return;
    const text = String(data);
    try {
      const frame = parseFrame(text);
      if (!frame) return;
      // An error before `ready` is no sign that it comes.
      if (this.ready || frame.event !== 'error') this.#deadline.cancel();
      if (frame.event === 'bye') this.end({ message: String(frame.message), bye: frame });
      else this.#enqueue(frame, text.length);
    } catch (error) {
      this.#fail((error as Error).message, error);
    }
  }

  #enqueue(frame: FromWire, size: number): void {
    this.#turn = this.#turn
      .then(() => this.#host.frame(this, frame, size))
      .catch(() => this.#fail('bad frame'));
  }

  #expect(failure: string, ms = this.#world.timing.connectTimeoutMs): void {
    this.#deadline.set(ms, () => this.#fail(failure));
  }

  #fail(message: string, error?: unknown): void {
    this.end({ message, error });
  }

  /**
   * A tick that comes late shows that the machine slept, so the connection may be dead: it is
   * probed. We take the larger of two elapsed times: somebody may set the wall clock back, and the
   * monotonic clock may stand still during sleep.
   */
  #keepAlive(): void {
    const { now, monotonic, timing } = this.#world;
    const [wall, steady] = [now(), monotonic()];
    this.#tick.set(timing.tickMs, () => {
      const passedMs = Math.max(now() - wall, monotonic() - steady);
      this.#quietMs += passedMs;
      if (this.#quietMs >= timing.pingEveryMs || passedMs > 3 * timing.tickMs) this.probe();
      this.#keepAlive();
    });
  }
}

function closeQuietly(socket: Socket): void {
  socket.onopen = socket.onmessage = socket.onclose = null;
  // `ws` throws what it cannot tell.
  socket.onerror = () => {};
  socket.close();
}
