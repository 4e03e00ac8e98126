/** The nouns of the domain, as values. Instants end in `At` and are epoch milliseconds. */
import { type Channel, userChannel } from '../protocol/channel.ts';
import type { ByeCode } from '../protocol/errors.ts';
import type { Escalate } from '../protocol/escalate.ts';
import type { AckMode, DialectName, JsonText, WireMessage } from '../protocol/frames.ts';

/** A named, ordered log of messages. */
export type { Channel } from '../protocol/channel.ts';
export { EVERYONE, topicChannel, userChannel } from '../protocol/channel.ts';

/** A place in a channel. Seqs of different epochs do not compare. */
export interface Position {
  epoch: string;
  seq: number;
}

/** The newest seq of a channel; `seq` 0: the channel holds no message yet. */
export interface Head extends Position {
  /** When its newest message was appended. */
  updatedAt: number;
  /** What the store keeps with the head: the next append needs it. */
  keys?: HeadKeys | undefined;
}

/** The newest idempotency keys of a channel, as the store writes them. */
export interface HeadKeys {
  recent: string | undefined;
  /** Until when keys may hold that are not among them. Undefined: there are no others. */
  spilledUntil: number | undefined;
}

/** A message as it is kept. */
export interface Message extends WireMessage {
  data: JsonText;
  /** The user who caused it. Undefined in a user's own channel: it is that user, or nobody. */
  originUserId: string | undefined;
  /** The device that caused it. */
  originDeviceId: string | undefined;
  /** The tab of that device that caused it: then the device is told, too. */
  originTab: string | undefined;
  /** A replay brings only the newest message of a key. */
  collapseKey: string | undefined;
  /** The application is told if nobody answers it in time. Then it is told with `ack`. */
  escalate?: Escalate | undefined;
  /** It has lost its content: the seq of its withdrawal. */
  withdrawnBy?: number;
  /** Whole seconds. */
  expiresAt: number;
}

/** A message in its place. */
export interface Stored {
  channel: Channel;
  epoch: string;
  message: Message;
}

export interface ConnectionKey {
  userId: string;
  connectionId: string;
}

/** How far a subscription is served. */
export interface Serving {
  /**
   * Of a user's own channel, when the `ready` frame was accepted; of another channel, from when on
   * live messages are posted. Until then no message is posted.
   */
  readyAt: number | undefined;
  /**
   * No replay reaches back further: of an anonymous device, where the channel's head was when it
   * began; of a user who hears a topic as its member, where the user joined.
   */
  startsAt: Position | undefined;
  /** Set: it refused a frame, and nothing live is posted until a reconcile has made up for it. */
  paused: Pause | undefined;
}

/**
 * One open, or still opening, WebSocket. As {@link Serving}, it is that of the user's own channel.
 */
export interface Connection extends ConnectionKey, Serving {
  /** Undefined: an anonymous device. */
  deviceId: string | undefined;
  dialect: DialectName;
  ackMode: AckMode;
  /** It takes over from an older connection of its device, which stays until this one is ready. */
  handover: boolean;
  connectedAt: number;
  /** No frame is posted from this instant on. */
  tokenExpiresAt: number;
  /** Callback URL of the API stage that holds the socket. */
  endpoint: string;
  /** The names of the channels that it hears besides its user's own. */
  channels: ReadonlySet<string>;
  /** Set: the connection is being closed for this reason, and gets nothing but its `bye`. */
  bye: ByeCode | undefined;
  /** Undefined: nobody has begun to start it. */
  start?: Start | undefined;
  /** When the row lapses, should nobody delete it. Whole seconds. */
  expiresAt: number;
}

/**
 * Brings a new connection to `ready` and to its first replay: by the stream, or by the first `sync`
 * of its client. The lease on the connection's row lets one of them do it.
 */
export interface Start {
  /** Whoever does it, or has done it. */
  by: string;
  /** When the lease lapses. Undefined: the start has ended. */
  until: number | undefined;
  /** Where its replay begins. Undefined: the connection is not ready yet. */
  after: number | undefined;
}

/** A connection that takes no frames for now. */
export interface Pause {
  /** When it refused the first frame. */
  at: number;
  /** Of an anonymous device, which has no cursor: it is to be replayed what follows this seq. */
  after: number | undefined;
}

export interface SubscriptionKey extends ConnectionKey {
  channel: Channel;
}

/**
 * A connection hears a channel. It is what the subscription's row keeps of the connection, and how
 * far this channel is served to it.
 */
export interface Subscription extends Omit<Connection, 'channels' | 'handover' | 'start'> {
  channel: Channel;
  /** The client may hear the channel even if its user is no member. */
  permitted: boolean;
}

/**
 * Every connection hears its user's own channel: the connection's row is this subscription's, too.
 */
export const ownSubscription = (connection: Connection): Subscription => ({
  ...connection,
  channel: userChannel(connection.userId),
  permitted: true,
});

/** A user to whom a topic belongs. */
export interface Member {
  userId: string;
  topic: string;
  joinedAt: number;
  /** Where the topic's head was then: the user hears what follows. */
  joined: Position;
}

export interface DeviceKey {
  userId: string;
  deviceId: string;
}

export interface Device extends DeviceKey {
  /** By channel: the last seq it acknowledged. */
  cursors: ReadonlyMap<string, Position>;
  /** By channel: where its cursor began, without an ack. */
  begun: ReadonlyMap<string, Position>;
  lastSeenAt: number;
  /** Until when it is remembered. Whole seconds. */
  expiresAt: number;
}

/** When a device was seen, and until when it is remembered. `expiresAt` in whole seconds. */
export interface LastSeen {
  lastSeenAt: number;
  expiresAt: number;
  /**
   * The connection that it was seen on. Only while that is there, and not being closed, a row is
   * written that was not there before: so nothing late brings back what was erased. Undefined: no
   * such row is.
   */
  on?: ConnectionKey | undefined;
}
