/**
 * Keeps this device connected: connects again after a loss and replaces a connection before it
 * grows too old. `main` is the connection in use, `next` the connection being prepared to take over
 * from it.
 */
import type { ByeFrame } from '../lambdas/protocol/frames.ts';
import type { Ack, Acks } from './acks.ts';
import type { Channels } from './channels.ts';
import { Connection, type ConnectionHost, type Ended } from './connection.ts';
import type { Deliveries } from './deliveries.ts';
import type { World } from './environment.ts';
import type { FromWire } from './frame.ts';
import { type Connections, Incoming, SYNC } from './incoming.ts';
import type { RequestFrame } from './requests.ts';
import { Retry, type RetryHost } from './retry.ts';
import type { Subscription } from './subscription.ts';
import type { Subscriptions } from './subscriptions.ts';
import { Timer } from './timing.ts';
import type { Tokens } from './token.ts';
import type { Status } from './types.ts';

/** What a manager needs of its client. */
export interface ManagerHost extends RetryHost {
  readonly acks: Acks;
  connectionUrl(): string;
  /** Gets a token for a new connection. */
  token(): Promise<string>;
  readonly channels: Channels;
  readonly subscriptions: Subscriptions;
  readonly deliveries: Deliveries;
  /** What was not possible may be now. */
  idle(): void;
}

export class ConnectionManager implements ConnectionHost, Connections {
  readonly #world: World;
  readonly #host: ManagerHost;
  readonly #retry: Retry;
  readonly #handover: Timer;
  readonly #incoming: Incoming;
  readonly pause: Timer;
  #main: Connection | undefined;
  #next: Connection | undefined;

  constructor(world: World, tokens: Tokens, host: ManagerHost) {
    this.#world = world;
    this.#host = host;
    this.#handover = new Timer(world);
    this.pause = new Timer(world);
    this.#incoming = new Incoming(world, host, this);
    this.#retry = new Retry(world, tokens, host, () => this.#connect());
  }

  /** Connects, after the wait of this status if it has one. */
  start(status: Status): void {
    this.#retry.resume(status);
  }

  /** Until the next start. */
  stop(): void {
    this.#retry.stop();
    this.#handover.cancel();
    this.pause.cancel();
    this.#main?.close();
    this.#next?.close();
    this.#main = this.#next = undefined;
  }

  /** The network or the page came back: is the connection still there? */
  wake(mayConnect: boolean): void {
    if (this.#main?.ready) this.#main.probe();
    else if (mayConnect) this.#retry.hurry();
  }

  /** False: not now; one replay of a channel at a time, so that it is clear what settles what. */
  sync(channel: string, after: number): boolean {
    const main = this.#main;
    const subscription = main?.subscriptions.get(channel);
    if (!main || !subscription || subscription.isOpen) return false;
    const { epoch } = subscription;
    if (!this.#send(main, { action: 'sync', channel, after, epoch, ref: SYNC })) return false;
    subscription.open(after);
    this.#incoming.watch(main, channel, subscription);
    return true;
  }

  /**
   * Sends acks and returns those that were sent: not those of an old epoch. They go over `next` as
   * soon as it is ready: the server closes `main` then, maybe before an ack on it arrives.
   */
  ack(acks: Ack[]): Ack[] {
    const current = acks.filter(({ channel, epoch }) =>
      [this.#main, this.#next].some((one) => one?.subscriptions.get(channel)?.epoch === epoch),
    );
    const [first, another] = current;
    const isSent =
      first && this.#send(this.#newest, { action: 'ack', ...(another ? { acks: current } : first) });
    return isSent ? current : [];
  }

  riding(connection: Connection): Ack[] | undefined {
    const { subscriptions } = connection;
    if (connection !== this.#newest) return undefined;
    return this.#host.acks.ride(({ channel, epoch }) => subscriptions.get(channel)?.epoch === epoch);
  }

  /** It is lost where there is no connection. `isAgain`: there was no answer. */
  sendRequest(frame: RequestFrame, isAgain: boolean): void {
    this.#newest?.send(frame);
    if (isAgain) this.wake(false);
  }

  get isReady(): boolean {
    return !!this.#newest;
  }

  /** Undefined: the newest connection does not hear the channel. */
  subscription(channel: string): Subscription | undefined {
    return this.#newest?.subscriptions.get(channel);
  }

  get #newest(): Connection | undefined {
    return [this.#next, this.#main].find((connection) => connection?.ready);
  }

  /** False: not now. */
  #send(connection: Connection | undefined, frame: object): boolean {
    return !this.pause.isSet && !!connection?.send(frame);
  }

  #connect(): void {
    this.#host.changeStatus({ state: 'connecting' });
    this.#main = this.#open(this.#host.connectionUrl(), false);
  }

  #open(url: string, isOverlapping: boolean): Connection {
    return new Connection(this.#world, url, isOverlapping, this);
  }

  token(): Promise<string> {
    return this.#host.token();
  }

  async frame(connection: Connection, frame: FromWire, size: number): Promise<void> {
    if (this.isCurrent(connection)) await this.#incoming.take(connection, frame, size);
  }

  isCurrent(connection: Connection): boolean {
    return connection === this.#main || connection === this.#next;
  }

  isMain(connection: Connection): boolean {
    return connection === this.#main;
  }

  began(connection: Connection): void {
    this.#retry.connected();
    // A connection that takes over: the old connection keeps the device live until a replay frame
    // says otherwise.
    if (!connection.isOverlapping)
      this.#host.changeStatus({ state: connection.isReplaying ? 'replaying' : 'live' });
    this.#planHandover(this.#world.timing.handoverAfterMs * (1 + 0.07 * this.#world.random()));
  }

  #planHandover(delayMs: number): void {
    this.#handover.set(delayMs, () => {
      if (this.#main) this.#main.isRelieved = true;
      this.#next = this.#open(`${this.#host.connectionUrl()}&handover=1`, true);
    });
  }

  promote(connection: Connection): void {
    if (connection !== this.#next) return;
    this.#main?.close();
    this.#main = connection;
    this.#next = undefined;
    if (connection.ready) this.began(connection);
    else this.#host.changeStatus({ state: 'connecting' });
    this.#host.idle();
  }

  ended(connection: Connection, ended: Ended): void {
    const { bye, message } = ended;
    if (bye && !mayFollow(bye)) this.#host.changeStatus({ state: 'closed', reason: bye.code, message });
    else if (connection === this.#next) {
      this.#next = undefined;
      this.#planHandover((0.5 + this.#world.random()) * this.#world.timing.backoffCapMs);
    } else if (connection === this.#main && this.#next) {
      this.promote(this.#next);
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
