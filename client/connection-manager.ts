/**
 * Keeps this device connected: connects again after a loss and replaces a connection before it
 * grows too old. `main` is the connection in use, `next` the connection being prepared to take over
 * from it.
 */
import type {
  ByeFrame,
  ErrorFrame,
  MessageFrame,
  ReadyFrame,
  ReplayFrame,
  SubscribedFrame,
  SubscriptionState,
  UnsubscribedFrame,
} from '../lambdas/protocol/frames.ts';
import type { Ack, Acks } from './acks.ts';
import { Connection, type ConnectionHost, type Ended } from './connection.ts';
import type { Started } from './delivery.ts';
import type { World } from './environment.ts';
import type { FromWire } from './frame.ts';
import type { RequestFrame } from './requests.ts';
import { Retry, retryDelayMs } from './retry.ts';
import { Subscription } from './subscription.ts';
import type { FromServer } from './tabs.ts';
import { Timer } from './timing.ts';
import type { Tokens } from './token.ts';
import { HeraldError, type Status } from './types.ts';

/** What a manager needs of its client. */
export interface ManagerHost {
  readonly acks: Acks;
  /** Gets a token for a new connection. */
  token(): Promise<string>;
  changeStatus(status: Status): void;
  error(error: HeraldError): void;
  /** Resolves when the deliveries that follow can be taken. True: the numbering began anew. */
  begin(start: Started): Promise<boolean>;
  /** What the server says, for all tabs. */
  pass(message: FromServer): void;
  /** Whether what came of a channel's replay, through this seq, was used. */
  hasUsed(channel: string, through: number): boolean;
  /** The channel is heard no more. */
  left(channel: string): void;
  /** What was not possible may be now. */
  idle(): void;
}

/** The `ref` of every `sync` frame: an `error` frame with this `ref` answers a `sync`. */
const SYNC = 'sync';

export class ConnectionManager implements ConnectionHost {
  readonly #world: World;
  readonly #url: () => string;
  readonly #host: ManagerHost;
  readonly #retry: Retry;
  readonly #handover: Timer;
  /** Runs while the server wants no frames. */
  readonly #pause: Timer;
  #main: Connection | undefined;
  #next: Connection | undefined;

  constructor(world: World, url: () => string, tokens: Tokens, host: ManagerHost) {
    this.#world = world;
    this.#url = url;
    this.#host = host;
    this.#handover = new Timer(world);
    this.#pause = new Timer(world);
    this.#retry = new Retry(world, tokens, {
      connect: () => this.#connect(),
      status: (status) => host.changeStatus(status),
      error: (error) => host.error(error),
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
    this.#pause.cancel();
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
    this.#watch(main, channel, subscription);
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
  request(frame: RequestFrame, isAgain: boolean): void {
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
    return !this.#pause.isSet && !!connection?.send(frame);
  }

  #connect(): void {
    this.#host.changeStatus({ state: 'connecting' });
    this.#main = this.#open(this.#url(), false);
  }

  #open(url: string, isOverlapping: boolean): Connection {
    return new Connection(this.#world, url, isOverlapping, this);
  }

  token(): Promise<string> {
    return this.#host.token();
  }

  async frame(connection: Connection, frame: FromWire, size: number): Promise<void> {
    if (!this.#isCurrent(connection)) return;
    if (frame.event === 'ready') return this.#ready(connection, frame);
    if (!connection.ready) {
      if (frame.event === 'read') connection.earlyRead = frame;
      return;
    }
    switch (frame.event) {
      case 'message':
        this.#message(connection, frame, size);
        break;
      case 'replay':
        this.#replay(connection, frame, size);
        break;
      case 'pong':
        for (const state of [{ ...frame, channel: connection.ready.channel }, ...(frame.subscriptions ?? [])])
          if (this.#heard(connection, state)) this.#reached(state);
        break;
      case 'subscribed':
        await this.#subscribed(connection, frame);
        break;
      case 'unsubscribed':
        this.#unsubscribed(connection, frame);
        break;
      case 'error':
        this.#refused(connection, frame);
        break;
      case 'read':
      case 'withdrawn':
        this.#host.pass(frame);
        break;
      case 'published':
      case 'taken':
      case 'history':
        this.#host.pass({ event: 'answer', frame });
    }
  }

  #isCurrent(connection: Connection): boolean {
    return connection === this.#main || connection === this.#next;
  }

  /** Undefined: the connection does not hear the channel, or the numbering changed meanwhile. */
  #heard(
    connection: Connection,
    { channel, epoch }: Pick<SubscriptionState, 'channel' | 'epoch'>,
  ): Subscription | undefined {
    const subscription = connection.subscriptions.get(channel);
    if (!subscription || subscription.epoch === epoch) return subscription;
    // Live messages do not name their numbering: a replay or a pong tells that it changed.
    connection.end({ message: 'bad frame' });
    return undefined;
  }

  #reached({ channel, head }: Pick<SubscriptionState, 'channel' | 'head'>): void {
    this.#host.pass({ event: 'pong', channel, head });
  }

  /** It may come twice; the second may tell of a topic that the user has joined in between. */
  async #ready(connection: Connection, frame: ReadyFrame): Promise<void> {
    const isFirst = !connection.ready;
    connection.ready ??= frame;
    this.#pause.cancel();
    const { subscriptions } = connection;
    const states = [frame, ...(frame.subscriptions ?? [])].filter(
      ({ channel }) => !subscriptions.has(channel),
    );
    await Promise.all(states.map((state) => this.#begin(connection, state, true)));
    if (isFirst && connection === this.#main) this.#began(connection);
    this.#tellGiven(connection);
    const { channel, epoch, read } = frame;
    if (read) this.#host.pass({ event: 'read', channel, epoch, ...read });
    if (connection.earlyRead) this.#host.pass(connection.earlyRead);
  }

  /** Those of the user's own channel and everyone need not be told. */
  #tellGiven({ subscriptions }: Connection): void {
    const given = [...subscriptions].filter(([channel, { isGiven }]) => isGiven && isTopic(channel));
    this.#host.pass({ event: 'given', channels: given.map(([channel]) => channel) });
  }

  /**
   * The connection hears a channel from now on. The own channel is always replayed, the others only
   * if there is something to replay.
   */
  async #begin(connection: Connection, state: SubscriptionState, isGiven: boolean): Promise<void> {
    const { channel, epoch, head, cursor } = state;
    const { early, subscriptions, ready } = connection;
    const read = state === ready ? ready.read : undefined;
    const subscription = subscriptions.get(channel) ?? new Subscription(this.#world);
    // If the connection heard the channel before, what has come since may be ahead of this head.
    const isOverlapping = connection.isOverlapping || subscription.epoch === epoch;
    subscriptions.set(channel, subscription);
    subscription.epoch = epoch;
    subscription.isGiven ||= isGiven;
    subscription.givenFrom = isGiven && isTopic(channel) ? cursor : 0;
    if (state === ready || cursor < head) subscription.open(cursor);
    const isAnew = await this.#host.begin({
      event: 'ready',
      channel,
      epoch,
      head,
      cursor,
      isOverlapping,
      read,
    });
    if (!this.#isCurrent(connection)) return;
    // Live messages do not name their numbering, so two connections of different ones cannot both
    // stay.
    if (connection === this.#next && isAnew) this.#promote();
    const seq = early.get(channel);
    if (seq) this.#reached({ channel, head: seq });
    this.#watch(connection, channel, subscription);
  }

  async #subscribed(connection: Connection, frame: SubscribedFrame): Promise<void> {
    // Without a ref nobody asked for it.
    const isGiven = frame.ref === undefined;
    await this.#begin(connection, frame, isGiven);
    if (isGiven) this.#tellGiven(connection);
    else this.#host.pass({ event: 'answer', frame });
  }

  /** As we asked for, or since the user is no longer a member. */
  #unsubscribed(connection: Connection, frame: UnsubscribedFrame): void {
    const { channel } = frame;
    connection.subscriptions.get(channel)?.deadline.cancel();
    connection.subscriptions.delete(channel);
    this.#tellGiven(connection);
    this.#host.pass({ event: 'answer', frame });
    this.#host.left(channel);
  }

  #began(connection: Connection): void {
    this.#retry.connected();
    // A connection that takes over: the old connection keeps the device live until a replay frame
    // says otherwise.
    if (!connection.isOverlapping)
      this.#host.changeStatus({ state: this.#isReplaying(connection) ? 'replaying' : 'live' });
    this.#planHandover(this.#world.timing.handoverAfterMs * (1 + 0.07 * this.#world.random()));
  }

  /** The device is live when it has caught up with its user's own channel. */
  #isReplaying({ ready, subscriptions }: Connection): boolean {
    return !!subscriptions.get(ready?.channel ?? '')?.isOpen;
  }

  #message({ early, subscriptions }: Connection, frame: MessageFrame, size: number): void {
    const { channel, seq } = frame;
    if (subscriptions.has(channel)) this.#host.pass({ ...frame, size });
    else early.set(channel, Math.max(seq, early.get(channel) ?? 0));
  }

  #replay(connection: Connection, frame: ReplayFrame, size: number): void {
    const subscription = this.#heard(connection, frame);
    if (!subscription) return;
    const { channel, more, after } = frame;
    subscription.receive(frame);
    this.#host.pass({ ...frame, from: after, size });
    this.#watch(connection, channel, subscription);
    if (connection === this.#next && !this.#isReplaying(connection)) this.#promote();
    if (connection !== this.#main) return;
    if (channel === connection.ready?.channel)
      this.#host.changeStatus({ state: more ? 'replaying' : 'live' });
    if (!subscription.isOpen) this.#host.idle();
  }

  #refused(connection: Connection, frame: ErrorFrame): void {
    const { code, message, retryable, ref } = frame;
    if (code === 'epoch_mismatch' || code === 'ack_past_head') connection.end({ message });
    else if (retryable) this.#pause.set(retryDelayMs(this.#world, frame), () => this.#host.idle());
    else if (ref === undefined || (ref === SYNC && code !== 'not_subscribed'))
      this.#host.error(new HeraldError('server', message));
    if (ref !== SYNC) {
      this.#host.pass({ event: 'answer', frame });
      return;
    }
    for (const subscription of connection.subscriptions.values()) subscription.isOpen = false;
    this.#host.idle();
  }

  /**
   * A replay that stops is asked for again: on this connection if all its frames were used, else on
   * a new one, since a late frame of the old replay could not be told from a frame of the new.
   */
  #watch(connection: Connection, channel: string, subscription: Subscription): void {
    const { deadline } = subscription;
    deadline.cancel();
    if (!subscription.isOpen) return;
    deadline.set(this.#world.timing.connectTimeoutMs, () => {
      if (!this.#host.hasUsed(channel, subscription.reach)) return connection.end({ message: 'no replay' });
      subscription.isOpen = false;
      if (connection === this.#next && !this.#isReplaying(connection)) this.#promote();
      this.#host.idle();
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
      this.#promote();
    } else if (connection === this.#main) {
      this.#main = undefined;
      this.#handover.cancel();
      const isExpected = connection.isRelieved && bye?.code === 'replaced';
      this.#retry.after(isExpected ? { message } : ended);
    }
  }
}

/** The own channel and that of everyone reach back as far as messages are kept. */
const isTopic = (channel: string): boolean => channel.startsWith('topic:');

/** Whether another connection of this device may live on. */
const mayFollow = ({ reconnect, code }: ByeFrame): boolean =>
  reconnect || code === 'replaced' || code === 'token_expired';
