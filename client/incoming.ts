/**
 * What the server says on the connections of a device: which channels a connection hears from now
 * on, how far their replays have come, and what is passed on to all tabs.
 */
import type {
  ErrorFrame,
  MessageFrame,
  ReadyFrame,
  ReplayFrame,
  SubscribedFrame,
  SubscriptionState,
  UnsubscribedFrame,
} from '../lambdas/protocol/frames.ts';
import type { Connection } from './connection.ts';
import type { ManagerHost } from './connection-manager.ts';
import type { World } from './environment.ts';
import type { FromWire } from './frame.ts';
import { retryDelayMs } from './retry.ts';
import { Subscription } from './subscription.ts';
import type { Timer } from './timing.ts';
import { HeraldError } from './types.ts';

/** What is needed of the manager of the connections. */
export interface Connections {
  /** Runs while the server wants no frames. */
  readonly pause: Timer;
  /** The connection is in use, or prepared to take over. */
  isCurrent(connection: Connection): boolean;
  /** It is in use. */
  isMain(connection: Connection): boolean;
  /** The connection in use hears its user's channel. */
  began(connection: Connection): void;
  /** It takes over, if it was prepared to. */
  promote(connection: Connection): void;
}

/** The `ref` of every `sync` frame: an `error` frame with this `ref` answers a `sync`. */
export const SYNC = 'sync';

export class Incoming {
  readonly #world: World;
  readonly #host: ManagerHost;
  readonly #manager: Connections;

  constructor(world: World, host: ManagerHost, manager: Connections) {
    this.#world = world;
    this.#host = host;
    this.#manager = manager;
  }

  async take(connection: Connection, frame: FromWire, size: number): Promise<void> {
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
        this.#host.deliveries.pass(frame);
        break;
      case 'published':
      case 'taken':
      case 'history':
        this.#host.deliveries.pass({ event: 'answer', frame });
    }
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
    this.#host.deliveries.pass({ event: 'pong', channel, head });
  }

  /** It may come twice; the second may tell of a topic that the user has joined in between. */
  async #ready(connection: Connection, frame: ReadyFrame): Promise<void> {
    const isFirst = !connection.ready;
    connection.ready ??= frame;
    this.#manager.pause.cancel();
    const { subscriptions } = connection;
    const states = [frame, ...(frame.subscriptions ?? [])].filter(
      ({ channel }) => !subscriptions.has(channel),
    );
    await Promise.all(states.map((state) => this.#begin(connection, state, true)));
    if (isFirst && this.#manager.isMain(connection)) this.#manager.began(connection);
    this.#tellGiven(connection);
    const { channel, epoch, read } = frame;
    if (read) this.#host.deliveries.pass({ event: 'read', channel, epoch, ...read });
    if (connection.earlyRead) this.#host.deliveries.pass(connection.earlyRead);
  }

  /** Those of the user's own channel and everyone need not be told. */
  #tellGiven({ subscriptions }: Connection): void {
    const given = [...subscriptions].filter(([channel, { isGiven }]) => isGiven && isTopic(channel));
    this.#host.deliveries.pass({ event: 'given', channels: given.map(([channel]) => channel) });
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
    const isAnew = await this.#host.deliveries.begin({
      event: 'ready',
      channel,
      epoch,
      head,
      cursor,
      isOverlapping,
      read,
    });
    if (!this.#manager.isCurrent(connection)) return;
    // Live messages do not name their numbering, so two connections of different ones cannot both
    // stay.
    if (isAnew) this.#manager.promote(connection);
    const seq = early.get(channel);
    if (seq) this.#reached({ channel, head: seq });
    this.watch(connection, channel, subscription);
  }

  async #subscribed(connection: Connection, frame: SubscribedFrame): Promise<void> {
    // Without a ref nobody asked for it.
    const isGiven = frame.ref === undefined;
    await this.#begin(connection, frame, isGiven);
    if (isGiven) this.#tellGiven(connection);
    else this.#host.deliveries.pass({ event: 'answer', frame });
  }

  /** As we asked for, or since the user is no longer a member. */
  #unsubscribed(connection: Connection, frame: UnsubscribedFrame): void {
    const { channel } = frame;
    connection.subscriptions.get(channel)?.deadline.cancel();
    connection.subscriptions.delete(channel);
    this.#tellGiven(connection);
    this.#host.deliveries.pass({ event: 'answer', frame });
    this.#host.subscriptions.left(channel);
  }

  #message({ early, subscriptions }: Connection, frame: MessageFrame, size: number): void {
    const { channel, seq } = frame;
    if (subscriptions.has(channel)) this.#host.deliveries.pass({ ...frame, size });
    else early.set(channel, Math.max(seq, early.get(channel) ?? 0));
  }

  #replay(connection: Connection, frame: ReplayFrame, size: number): void {
    const subscription = this.#heard(connection, frame);
    if (!subscription) return;
    const { channel, more, after } = frame;
    subscription.receive(frame);
    this.#host.deliveries.pass({ ...frame, from: after, size });
    this.watch(connection, channel, subscription);
    if (!connection.isReplaying) this.#manager.promote(connection);
    if (!this.#manager.isMain(connection)) return;
    if (channel === connection.ready?.channel)
      this.#host.changeStatus({ state: more ? 'replaying' : 'live' });
    if (!subscription.isOpen) this.#host.idle();
  }

  #refused(connection: Connection, frame: ErrorFrame): void {
    const { code, message, retryable, ref } = frame;
    // Acks have no ref. What an app asks for in vain says nothing of the numbering.
    const isOurs = ref === undefined || ref === SYNC;
    if (isOurs && (code === 'epoch_mismatch' || code === 'ack_past_head')) connection.end({ message });
    else if (retryable) this.#manager.pause.set(retryDelayMs(this.#world, frame), () => this.#host.idle());
    else if (isOurs && (ref !== SYNC || code !== 'not_subscribed'))
      this.#host.error(new HeraldError('server', message));
    if (ref !== SYNC) {
      this.#host.deliveries.pass({ event: 'answer', frame });
      return;
    }
    for (const subscription of connection.subscriptions.values()) subscription.isOpen = false;
    this.#host.idle();
  }

  /**
   * A replay that stops is asked for again: on this connection if all its frames were used, else on
   * a new one, since a late frame of the old replay could not be told from a frame of the new.
   */
  watch(connection: Connection, channel: string, subscription: Subscription): void {
    const { deadline } = subscription;
    deadline.cancel();
    if (!subscription.isOpen) return;
    deadline.set(this.#world.timing.connectTimeoutMs, () => {
      const { reach } = subscription;
      if (this.#host.channels.get(channel)?.hasUsed(reach) === false)
        return connection.end({ message: 'no replay' });
      subscription.isOpen = false;
      if (!connection.isReplaying) this.#manager.promote(connection);
      this.#host.idle();
    });
  }
}

/** The own channel and that of everyone reach back as far as messages are kept. */
const isTopic = (channel: string): boolean => channel.startsWith('topic:');
