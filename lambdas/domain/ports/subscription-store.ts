/**
 * Who hears which channel, and how far each is served.
 * `../app.ts` says what holds for every store.
 */
import type {
  Channel,
  Connection,
  Member,
  Pause,
  Position,
  Subscription,
  SubscriptionKey,
} from '../model.ts';

/**
 * Of a user's own channel the rows are those of the connections. A method that changes a row does
 * nothing when the row is gone: a closed connection never comes back.
 */
export interface SubscriptionStore {
  find(key: SubscriptionKey): Promise<Subscription | undefined>;
  /** At most `limit` of those who hear a channel that is not a user's own. */
  page(channel: Channel, range: SubscriberRange, limit: number): Promise<SubscriptionPage>;
  /** One transaction: only for a connection that is there and not being closed. */
  add(connection: Connection, channel: Channel, subscribing: Subscribing): Promise<Subscribed>;
  remove(key: SubscriptionKey): Promise<void>;
  /**
   * The same, but only if the user is no member of the topic, and the client may not hear it
   * anyway. Waits for an `add` that is under way, which a `find` may not see yet. Returns whether
   * there was one to remove.
   */
  removeFormerMember(key: SubscriptionKey, topic: string): Promise<boolean>;
  /** The client may hear the channel even if its user is no member any more. */
  permit(subscription: Subscription): Promise<void>;
  /**
   * Opens a subscription that came with its connection to live messages. `request`: as of {@link
   * requestReconcile}.
   */
  begin(
    key: SubscriptionKey,
    begin: {
      readyAt: number;
      startsAt: Position | undefined;
      request: { id: string; after: number } | undefined;
    },
  ): Promise<void>;
  /** `startsAt`: see {@link Serving}. What asked for it is done. */
  markReady(key: SubscriptionKey, readyAt: number, startsAt?: Position): Promise<void>;
  /**
   * Holds live messages back from now on. Returns whether this call paused the subscription: if it
   * was paused already, its `at` stays, and the smaller `after` counts (of an anonymous device).
   */
  pause(key: SubscriptionKey, pause: Pause, by: string): Promise<boolean>;
  /**
   * Live messages are posted again from now on. False: a smaller `after` is wanted than this pause
   * has.
   */
  resume(key: SubscriptionKey, pause: Pause): Promise<boolean>;
  /**
   * Takes the lease of the subscription's replay, and removes the request from the row (`begun`).
   * `wanted`: another replay is under way; when it ends, the subscription is reconciled for what
   * this call wants. `merged`: so it is for another call, which wanted no less; or the row is gone.
   */
  beginReplay(key: SubscriptionKey, lease: ReplayLease): Promise<'begun' | 'wanted' | 'merged'>;
  /**
   * Gives the lease back. If another replay was wanted meanwhile, or this replay goes on, the
   * stream reconciles the subscription: from the seq that was wanted, or from `through`, whichever
   * is smaller.
   */
  endReplay(key: SubscriptionKey, end: ReplayEnd): Promise<void>;
  /**
   * Touches the row, so that the stream reconciles the subscription: at least once, some time after
   * this call. `after`: as that of a `ReconcileRequest`.
   */
  requestReconcile(key: SubscriptionKey, requestId: string, after?: number): Promise<void>;
  /**
   * Of a STOMP connection: says that a channel has news, and has the stream start a pump. Returns
   * whether its socket is there.
   */
  announce(connectionId: string, channel: string, requestId: string): Promise<boolean>;
}

/**
 * What became of a `subscribe`. `closed`: the connection is gone, or being closed.
 * - `already`: it heard the channel before, and nothing has changed.
 * - `no_member`: it was to hear the channel as its user's, who is no member any more.
 */
export type Subscribed = 'subscribed' | 'already' | 'closed' | 'no_member' | 'too_many';

export interface Subscribing {
  /** Channels that the connection may hear besides its own, this one counted. */
  maxChannels: number;
  /** Only if the user still is this member. */
  asMember: Pick<Member, 'topic'> | undefined;
  /** See {@link Subscription}, like the next two. */
  permitted: boolean;
  readyAt: number | undefined;
  startsAt: Position | undefined;
  /** Makes the stream reconcile the new subscription. Undefined: whoever adds it serves it. */
  requestId: string | undefined;
}

/** A part of a channel's subscribers, in the order of their keys. */
export interface SubscriberRange {
  /** Inclusive, like `to`. */
  from: string;
  to: string;
}

/** Before the first subscriber's key and after the last: they begin with 8 hexadecimal digits. */
export const ALL_SUBSCRIBERS: SubscriberRange = { from: '0', to: 'g' };

export interface SubscriptionPage {
  subscriptions: Subscription[];
  /** The `from` of the next page. Undefined: this page is the last. */
  next: string | undefined;
}

/** One replay at a time runs for a subscription: a lease (a lock that lapses) on its row. */
export interface ReplayLease {
  /** Names the holder, so that only the holder gives the lease back. */
  holder: string;
  /** Where the replay starts. */
  after: number;
  now: number;
  /** When the lease lapses, should its holder die. */
  until: number;
}

export interface ReplayEnd {
  holder: string;
  /** Everything up to here was accepted. */
  through: number;
  goesOn: boolean;
  requestId: string;
}
