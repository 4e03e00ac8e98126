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
  ServerFrame,
  SubscribedFrame,
  SubscriptionState,
} from '../lambdas/protocol/frames.ts';
import type { Ack } from './acks.ts';
import { Connection, type Ended } from './connection.ts';
import type { Delivery, Started } from './delivery.ts';
import type { World } from './environment.ts';
import type { Answer, RequestFrame } from './requests.ts';
import { Retry, retryDelayMs } from './retry.ts';
import { Subscription } from './subscription.ts';
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
  /** Whether what came of a channel's replay, through this seq, was used. */
  hasUsed(channel: string, through: number): boolean;
  /** The topics that the connection shall hear besides those it is given. */
  wanted(): ReadonlySet<string>;
  /** Where a topic shall begin. Undefined: where the server says. */
  position(channel: string): Promise<Position | undefined>;
  /** The topics that the server lets the connection hear by itself: all of them, at each change. */
  given(channels: string[]): void;
  /** The channel is heard no more. */
  left(channel: string): void;
  /** The server will not let the connection hear a topic. */
  refused(channel: string, frame: ErrorFrame): void;
  /** The server answers a request. */
  answer(frame: Answer | ErrorFrame): void;
  /** A sync that was not possible may be now. */
  idle(): void;
  /** The server takes frames again, and may have lost some before. */
  resume(): void;
}

export class ConnectionManager {
  readonly #world: World;
  readonly #url: () => string;
  readonly #events: ManagerEvents;
  readonly #retry: Retry;
  readonly #handover: Timer;
  /** Runs while the server wants no frames. */
  readonly #pause: Timer;
  #refs = 0;
  #main: Connection | undefined;
  #next: Connection | undefined;

  constructor(world: World, url: () => string, tokens: Tokens, events: ManagerEvents) {
    this.#world = world;
    this.#url = url;
    this.#events = events;
    this.#handover = new Timer(world);
    this.#pause = new Timer(world);
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

  /** False: not now; one replay of a channel at a time, so that it stays clear what settles what. */
  sync(channel: string, after: number): boolean {
    const main = this.#main;
    const subscription = main?.subscriptions.get(channel);
    if (!main || !subscription?.epoch || subscription.window.isOpen) return false;
    const { epoch } = subscription;
    if (!this.#send(main, { action: 'sync', channel, after, epoch, ref: this.#nextRef(subscription) }))
      return false;
    subscription.window.open(after);
    this.#watch(main, subscription);
    return true;
  }

  /**
   * Returns those that were sent: not those of another numbering than the channel's present one.
   * Once `next` is ready the server closes `main`, and may do so before the ack arrives on it.
   */
  ack(acks: Ack[]): Ack[] {
    const heard = ({ channel, epoch }: Ack) =>
      this.#connections.some(({ subscriptions }) => subscriptions.get(channel)?.epoch === epoch);
    const current = acks.filter(heard);
    const [first, another] = current;
    if (!first) return [];
    return this.#send(this.#newest, { action: 'ack', ...(another ? { acks: current } : first) })
      ? current
      : [];
  }

  /** It is lost where there is no connection. `isAgain`: there was no answer. */
  request(frame: RequestFrame, isAgain: boolean): void {
    this.#send(this.#newest, frame);
    if (isAgain) this.wake(false);
  }

  /** Whether the topic is wanted may have changed. */
  update(channel: string): void {
    for (const connection of this.#connections) this.#update(connection, channel);
  }

  get #connections(): Connection[] {
    return [this.#main, this.#next].flatMap((connection) => (connection?.ready ? connection : []));
  }

  get #newest(): Connection | undefined {
    return this.#connections.at(-1);
  }

  /** False: not now. */
  #send(connection: Connection | undefined, frame: object): boolean {
    return !this.#pause.isSet && !!connection?.send(frame);
  }

  #nextRef(subscription: Subscription): string {
    this.#refs += 1;
    subscription.ref = String(this.#refs);
    return subscription.ref;
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
    if (!this.#isCurrent(connection)) return;
    if (frame.event === 'ready') return this.#ready(connection, frame);
    if (!connection.ready) return;
    switch (frame.event) {
      case 'message':
        this.#message(connection, frame, size);
        break;
      case 'replay':
        this.#replay(connection, frame, size);
        break;
      case 'pong':
        for (const head of [{ ...frame, channel: connection.ready.channel }, ...frame.subscriptions])
          if (this.#heard(connection, head)) this.#reached(head.channel, head.head);
        break;
      case 'subscribed':
        await this.#subscribed(connection, frame);
        break;
      case 'unsubscribed':
        this.#unsubscribed(connection, frame.channel);
        break;
      case 'error':
        this.#refused(connection, frame);
        break;
      case 'published':
      case 'taken':
        this.#events.answer(frame);
    }
  }

  #isCurrent(connection: Connection): boolean {
    return connection === this.#main || connection === this.#next;
  }

  #isOwn({ ready }: Connection, channel: string): boolean {
    return channel === ready?.channel;
  }

  /** Undefined: not heard, or in a numbering that is not the one of its beginning. */
  #heard(
    connection: Connection,
    { channel, epoch }: { channel: string; epoch: string },
  ): Subscription | undefined {
    const subscription = connection.subscriptions.get(channel);
    if (!subscription?.epoch) return undefined;
    if (subscription.epoch === epoch) return subscription;
    // Live messages do not name their numbering: a replay or a pong tells that it changed.
    connection.end({ message: 'bad frame' });
    return undefined;
  }

  #reached(channel: string, head: number): void {
    this.#events.deliver({ event: 'pong', channel, head });
  }

  async #ready(connection: Connection, frame: ReadyFrame): Promise<void> {
    // The server may send `ready` twice.
    if (connection.ready) return;
    connection.ready = frame;
    this.#pause.cancel();
    const begun = [frame, ...(frame.subscriptions ?? [])].map((state) => {
      this.#subscription(connection, state.channel).isGiven = true;
      return this.#begin(connection, state);
    });
    const isAnew = (await Promise.all(begun)).includes(true);
    if (connection === this.#main) this.#began(connection);
    // Live messages do not name their numbering, so two connections of different ones cannot both
    // stay.
    else if (connection === this.#next && isAnew) this.#promote();
    if (!this.#isCurrent(connection)) return;
    this.#tellGiven(connection);
    for (const channel of this.#events.wanted()) this.#update(connection, channel);
  }

  /** Those of the user's own channel and everyone need not be told. */
  #tellGiven({ subscriptions }: Connection): void {
    const given = [...subscriptions.values()].filter(({ isGiven }) => isGiven);
    this.#events.given(given.map(({ channel }) => channel).filter((channel) => channel.startsWith('topic:')));
  }

  #subscription({ subscriptions }: Connection, channel: string): Subscription {
    const subscription = subscriptions.get(channel) ?? new Subscription(channel, this.#world);
    subscriptions.set(channel, subscription);
    return subscription;
  }

  /**
   * The connection hears a channel from now on. Returns whether the numbering began anew. The own
   * channel is always replayed, the others only if there is something to replay.
   */
  async #begin(connection: Connection, state: SubscriptionState): Promise<boolean> {
    const { channel, epoch, head, cursor } = state;
    const { isOverlapping, early } = connection;
    const subscription = this.#subscription(connection, channel);
    subscription.epoch = epoch;
    subscription.asked = undefined;
    if (this.#isOwn(connection, channel) || cursor < head) subscription.window.open(cursor);
    const start: Started = { event: 'ready', channel, epoch, head, cursor, isOverlapping };
    const isAnew = await this.#events.begin(start);
    if (!this.#isCurrent(connection)) return isAnew;
    const earliest = early.get(channel);
    if (earliest) this.#reached(channel, earliest);
    this.#watch(connection, subscription);
    return isAnew;
  }

  async #subscribed(connection: Connection, frame: SubscribedFrame): Promise<void> {
    const subscription = this.#subscription(connection, frame.channel);
    // Without a ref nobody asked for it.
    if (frame.ref === undefined) subscription.isGiven = true;
    const isAnew = await this.#begin(connection, frame);
    if (connection === this.#next && isAnew) this.#promote();
    if (!this.#isCurrent(connection)) return;
    if (subscription.isGiven) this.#tellGiven(connection);
    this.#update(connection, frame.channel);
  }

  /** As we asked for, or since the user is no longer a member: then the token may still allow it. */
  #unsubscribed(connection: Connection, channel: string): void {
    const { subscriptions } = connection;
    subscriptions.get(channel)?.deadline.cancel();
    subscriptions.delete(channel);
    this.#tellGiven(connection);
    this.#events.left(channel);
    this.#update(connection, channel);
  }

  /** Subscribes or unsubscribes, one at a time: the next step follows when the server has answered. */
  #update(connection: Connection, channel: string): void {
    const known = connection.subscriptions.get(channel);
    const isWanted = this.#events.wanted().has(channel);
    if (known?.asked || known?.isGiven || isWanted === !!known) return;
    const subscription = known ?? this.#subscription(connection, channel);
    subscription.asked = isWanted ? 'subscribe' : 'unsubscribe';
    void this.#ask(connection, subscription);
  }

  /** Until it is answered, or refused. */
  async #ask(connection: Connection, subscription: Subscription): Promise<void> {
    const { channel, asked, deadline } = subscription;
    deadline.set(this.#world.timing.connectTimeoutMs, () => this.#ask(connection, subscription));
    const position = asked === 'subscribe' ? await this.#events.position(channel) : undefined;
    if (!this.#isCurrent(connection) || subscription.asked !== asked) return;
    const after = position && { after: position.seq, epoch: position.epoch };
    this.#send(connection, { action: asked, channel, ...after, ref: this.#nextRef(subscription) });
  }

  #began(connection: Connection): void {
    this.#retry.connected();
    // A connection that takes over: the device is still live by the old one until a replay frame
    // says otherwise.
    if (!connection.isOverlapping)
      this.#events.status({ state: this.#isReplaying(connection) ? 'replaying' : 'live' });
    this.#planHandover(this.#world.timing.handoverAfterMs * (1 + 0.07 * this.#world.random()));
  }

  /** The device is live when it has caught up with its user's own channel. */
  #isReplaying({ ready, subscriptions }: Connection): boolean {
    return !!ready && !!subscriptions.get(ready.channel)?.window.isOpen;
  }

  #message(connection: Connection, frame: MessageFrame, size: number): void {
    const { channel, seq } = frame;
    const { early, subscriptions } = connection;
    if (subscriptions.get(channel)?.epoch) this.#events.deliver({ ...frame, size });
    else early.set(channel, Math.max(seq, early.get(channel) ?? 0));
  }

  #replay(connection: Connection, frame: ReplayFrame, size: number): void {
    const subscription = this.#heard(connection, frame);
    if (!subscription) return;
    const { window } = subscription;
    window.receive(frame);
    this.#events.deliver({ ...frame, from: frame.after, size });
    this.#watch(connection, subscription);
    if (connection === this.#next && !this.#isReplaying(connection)) this.#promote();
    if (connection !== this.#main) return;
    if (this.#isOwn(connection, frame.channel))
      this.#events.status({ state: frame.more ? 'replaying' : 'live' });
    if (!window.isOpen) this.#events.idle();
  }

  #refused(connection: Connection, frame: ErrorFrame): void {
    const { code, message, retryable, ref } = frame;
    if (code === 'epoch_mismatch' || code === 'ack_past_head') {
      connection.end({ message });
      return;
    }
    if (retryable) this.#pause.set(retryDelayMs(this.#world, frame), () => this.#resume());
    const { subscriptions } = connection;
    const subscription =
      ref === undefined ? undefined : [...subscriptions.values()].find((one) => one.ref === ref);
    if (!subscription) {
      if (ref !== undefined) this.#events.answer(frame);
      else if (!retryable) this.#events.error(new HeraldError('server', message));
    } else if (!subscription.asked) {
      subscription.window.isOpen = false;
      if (code === 'not_subscribed') this.#unsubscribed(connection, subscription.channel);
      else if (!retryable) this.#events.error(new HeraldError('server', message));
      this.#events.idle();
    } else if (!retryable) {
      subscription.deadline.cancel();
      subscriptions.delete(subscription.channel);
      this.#events.refused(subscription.channel, frame);
    }
  }

  /** The server takes frames again. It may not have told of each that it refused. */
  #resume(): void {
    for (const connection of this.#connections)
      for (const subscription of connection.subscriptions.values())
        if (subscription.asked) void this.#ask(connection, subscription);
    this.#events.idle();
    this.#events.resume();
  }

  /**
   * A replay that stops is asked for again: on this connection if all its frames were used, else on
   * a new one, since a late frame of the old replay could not be told from a frame of the new.
   */
  #watch(connection: Connection, subscription: Subscription): void {
    const { channel, window, deadline, asked } = subscription;
    if (asked) return;
    deadline.cancel();
    if (!window.isOpen) return;
    deadline.set(this.#world.timing.connectTimeoutMs, () => {
      if (!this.#events.hasUsed(channel, window.reach)) return connection.end({ message: 'no replay' });
      window.isOpen = false;
      if (connection === this.#next && this.#isOwn(connection, channel)) this.#promote();
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
