/** The nouns of the domain, as values. Instants end in `At` and are epoch milliseconds. */
import type { ByeCode } from '../protocol/errors.ts';
import type { AckMode, DialectName, JsonText, WireMessage } from '../protocol/frames.ts';

/** A named, ordered log of messages. */
export interface Channel {
  kind: 'user';
  /** As on the wire and in the tables, such as `user:alice`. */
  name: string;
  /** The user it belongs to. */
  owner: string;
}

export const userChannel = (userId: string): Channel => ({
  kind: 'user',
  name: `user:${userId}`,
  owner: userId,
});

/** A place in a channel. Seqs of different epochs do not compare. */
export interface Position {
  epoch: string;
  seq: number;
}

/** The newest seq of a channel; `seq` 0: the channel holds no message yet. */
export interface Head extends Position {
  /** When its newest message was appended. */
  updatedAt: number;
}

/** A message as it is kept. */
export interface Message extends WireMessage {
  data: JsonText;
  /** The device that caused it. */
  originDeviceId: string | undefined;
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

/** One open, or still opening, WebSocket. */
export interface Connection extends ConnectionKey {
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
  /** When the `ready` frame was accepted. Until then nothing else is posted. */
  readyAt: number | undefined;
  /**
   * Of an anonymous device: where the channel's head was then. Its `sync` reaches back no further.
   */
  startsAt: Position | undefined;
  /** Set: it refused a frame, and nothing live is posted until a reconcile has made up for it. */
  paused: Pause | undefined;
  /** Set: the connection is being closed for this reason, and gets nothing but its `bye`. */
  bye: ByeCode | undefined;
  /** When the row lapses, should nobody delete it. Whole seconds. */
  expiresAt: number;
}

/** A connection that takes no frames for now. */
export interface Pause {
  /** When it refused the first frame. */
  at: number;
  /** Of an anonymous device, which has no cursor: it is to be replayed what follows this seq. */
  after: number | undefined;
}

/** A connection hears a channel. */
export interface Subscription {
  connection: Connection;
  channel: Channel;
}

/**
 * Every connection hears its user's own channel: the connection's row is this subscription's, too.
 */
export const ownSubscription = (connection: Connection): Subscription => ({
  connection,
  channel: userChannel(connection.userId),
});

export interface DeviceKey {
  userId: string;
  deviceId: string;
}

export interface Device extends DeviceKey {
  /** By channel: the last seq it acknowledged. */
  cursors: ReadonlyMap<string, Position>;
  lastSeenAt: number;
  /** Until when it is remembered. Whole seconds. */
  expiresAt: number;
}

/** When a device was seen, and until when it is remembered. `expiresAt` in whole seconds. */
export interface LastSeen {
  lastSeenAt: number;
  expiresAt: number;
}
