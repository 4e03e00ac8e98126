/**
 * Keeps this device connected: connects again after a loss and replaces a connection before it
 * grows too old. `main` is the connection in use, `next` the connection being prepared to take over
 * from it.
 */
import type {
  ByeFrame,
  ErrorFrame,
  ReadyFrame,
  ReplayFrame,
  ServerFrame,
} from '../lambdas/protocol/frames.ts';
import { Connection, type Ended } from './connection.ts';
import type { Delivery, Started } from './delivery.ts';
import type { World } from './environment.ts';
import { Retry } from './retry.ts';
import { Timer } from './timing.ts';
import type { Tokens } from './token.ts';
import { HeraldError, type Position, type Status } from './types.ts';

export interface ManagerEvents {
  /** For one connection. */
  token(): Promise<string>;
  status(status: Status): void;
  error(error: HeraldError): void;
  /** Resolves when the deliveries that follow can be taken. True: the numbering began anew. */
  begin(start: Started): Promise<boolean>;
  deliver(delivery: Delivery): void;
  /** Where the next sync would begin. */
  settled(): number;
  /** A sync that was not possible may be now. */
  idle(): void;
}

export class ConnectionManager {
  readonly #world: World;
  readonly #url: () => string;
  readonly #events: ManagerEvents;
  readonly #retry: Retry;
  readonly #handover: Timer;
  #main: Connection | undefined;
  #next: Connection | undefined;

  constructor(world: World, url: () => string, tokens: Tokens, events: ManagerEvents) {
    this.#world = world;
    this.#url = url;
    this.#events = events;
    this.#handover = new Timer(world);
    this.#retry = new Retry(world, tokens, {
      connect: () => this.#connect(),
      status: events.status,
      error: events.error,
    });
  }

  /** Connects, after the wait of this status if it has one. */
  start(status: Status): void {
    this.#retry.resume(status);
  }

  /** Until the next start. */
  stop(): void {
    this.#retry.stop();
    this.#handover.cancel();
    this.#main?.close();
    this.#next?.close();
    this.#main = this.#next = undefined;
  }

  /** The network or the page came back: is the connection still there? */
  wake(mayConnect: boolean): void {
    if (this.#main?.ready) this.#main.probe();
    else if (mayConnect) this.#retry.hurry();
  }

  /** False: not now; one replay at a time, so that it stays clear what settles what. */
  sync(after: number): boolean {
    const main = this.#main;
    if (!main?.ready || main.window.isOpen) return false;
    const { epoch } = main.ready;
    if (!main.send({ action: 'sync', after, epoch, ref: 'sync' })) return false;
    main.window.open(after);
    this.#watch(main);
    return true;
  }

  /**
   * False: it could not be sent, or is not of the channel's present numbering. Once `next` is ready
   * the server closes `main`, and may do so before the ack arrives on it.
   */
  ack(channel: string, { epoch, seq }: Position): boolean {
    const connection = this.#next?.ready ? this.#next : this.#main;
    const isCurrent = connection?.ready?.channel === channel && connection.ready.epoch === epoch;
    return isCurrent && connection.send({ action: 'ack', seq, epoch });
  }

  #connect(): void {
    this.#events.status({ state: 'connecting' });
    this.#main = this.#open(this.#url(), false);
  }

  #open(url: string, isOverlapping: boolean): Connection {
    const connection = new Connection(this.#world, url, isOverlapping, {
      token: () => this.#events.token(),
      frame: (frame, size) => this.#frame(connection, frame, size),
      ended: (ended) => this.#ended(connection, ended),
    });
    return connection;
  }

  async #frame(connection: Connection, frame: ServerFrame, size: number): Promise<void> {
    if (connection !== this.#main && connection !== this.#next) return;
    if (frame.event === 'ready') return this.#ready(connection, frame);
    const { ready } = connection;
    if (!ready || ('channel' in frame && frame.channel !== ready.channel)) return;
    // Live messages do not name their numbering: a replay or a pong tells that it changed.
    if ('epoch' in frame && frame.epoch !== ready.epoch) return connection.end({ message: 'bad frame' });
    if (frame.event === 'message') this.#events.deliver({ ...frame, size });
    if (frame.event === 'replay') this.#replay(connection, frame, size);
    if (frame.event === 'pong') this.#events.deliver(frame);
    if (frame.event === 'error') this.#refused(connection, frame);
  }

  async #ready(connection: Connection, frame: ReadyFrame): Promise<void> {
    // The server may send `ready` twice.
    if (connection.ready) return;
    connection.ready = frame;
    connection.window.open(frame.cursor);
    const isAnew = await this.#events.begin({ ...frame, isOverlapping: connection.isOverlapping });
    if (connection === this.#main) this.#began(connection);
    // Live messages do not name their numbering, so two connections of different ones cannot both
    // stay.
    else if (connection === this.#next && isAnew) this.#promote();
    else if (connection === this.#next) this.#watch(connection);
  }

  #began(connection: Connection): void {
    this.#retry.connected();
    // A connection that takes over: the device is still live by the old one until a replay frame
    // says otherwise.
    if (!connection.isOverlapping)
      this.#events.status({ state: connection.window.isOpen ? 'replaying' : 'live' });
    this.#watch(connection);
    this.#planHandover(this.#world.timing.handoverAfterMs * (1 + 0.07 * this.#world.random()));
  }

  #replay(connection: Connection, frame: ReplayFrame, size: number): void {
    connection.window.receive(frame);
    this.#events.deliver({ ...frame, from: frame.after, size });
    this.#watch(connection);
    if (connection === this.#next && !connection.window.isOpen) this.#promote();
    if (connection !== this.#main) return;
    this.#events.status({ state: frame.more ? 'replaying' : 'live' });
    if (!connection.window.isOpen) this.#events.idle();
  }

  #refused(connection: Connection, { code, message, retryable, ref }: ErrorFrame): void {
    if (code === 'epoch_mismatch' || code === 'ack_past_head') connection.end({ message: message });
    else if (!retryable) this.#events.error(new HeraldError('server', message));
    if (ref !== 'sync') return;
    connection.window.isOpen = false;
    this.#events.idle();
  }

  /**
   * A replay that stops is asked for again: on this connection if all its frames were used, else on
   * a new one, since a late frame of the old replay could not be told from a frame of the new.
   */
  #watch(connection: Connection): void {
    connection.replayDeadline.cancel();
    if (!connection.window.isOpen) return;
    connection.replayDeadline.set(this.#world.timing.connectTimeoutMs, () => {
      if (connection.window.reach > this.#events.settled()) return connection.end({ message: 'no replay' });
      connection.window.isOpen = false;
      if (connection === this.#next) this.#promote();
      this.#events.idle();
    });
  }

  #planHandover(delayMs: number): void {
    this.#handover.set(delayMs, () => {
      if (this.#main) this.#main.isRelieved = true;
      this.#next = this.#open(`${this.#url()}&handover=1`, true);
    });
  }

  /** The next connection takes over. */
  #promote(): void {
    this.#main?.close();
    this.#main = this.#next;
    this.#next = undefined;
    if (this.#main?.ready) this.#began(this.#main);
    else this.#events.status({ state: 'connecting' });
    this.#events.idle();
  }

  #ended(connection: Connection, ended: Ended): void {
    const { bye, message } = ended;
    if (bye && !mayFollow(bye)) this.#events.status({ state: 'closed', reason: bye.code, message });
    else if (connection === this.#next) {
      this.#next = undefined;
      this.#planHandover((0.5 + this.#world.random()) * this.#world.timing.backoffCapMs);
    } else if (connection === this.#main && this.#next) {
      this.#promote();
    } else if (connection === this.#main) {
      this.#main = undefined;
      this.#handover.cancel();
      const isExpected = connection.isRelieved && bye?.code === 'replaced';
      this.#retry.after(isExpected ? { message } : ended);
    }
  }
}

/** Whether another connection of this device may live on. */
const mayFollow = ({ reconnect, code }: ByeFrame): boolean =>
  reconnect || code === 'replaced' || code === 'token_expired';
