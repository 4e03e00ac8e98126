/**
 * The server's frames of protocol version 1, as values. Instants are epoch milliseconds.
 * `wire/` writes them as the dialect of a connection has it.
 */
import { BYES, type ByeCode, FRAME_ERRORS, type FrameError, type FrameErrorCode } from './errors.ts';
import { STOMP_DIALECTS, type StompFrame } from './stomp.ts';

/** How frames are written for one kind of client, by the name of its sub-protocol. */
export const DIALECT_NAMES = ['herald.v1', ...STOMP_DIALECTS] as const;
export type DialectName = (typeof DIALECT_NAMES)[number];

/** The dialect of a client that offers no sub-protocol. */
export const DEFAULT_DIALECT: DialectName = 'herald.v1';

/** `auto`: an accepted post settles a message. `client`: only an `ack` frame does. */
export const ACK_MODES = ['auto', 'client'] as const;
export type AckMode = (typeof ACK_MODES)[number];

/** A JSON text, kept as it was stored: `data` is encoded once, when it is published. */
export type JsonText = string;

/**
 * What of a stored message a device is told.
 * `Data`: a {@link JsonText} on the server, the value a client has parsed.
 */
export interface FramedMessage<Data> {
  seq: number;
  id: string;
  type: string;
  data: Data;
  sentAt: number;
  /** The tab that caused it: told to its device alone. */
  origin?: string;
  /** Somebody is called if nobody acknowledges it in time: an ack of it is not to wait. */
  ack?: 'now';
}

export type WireMessage = FramedMessage<JsonText>;
export type ClientMessage = FramedMessage<unknown>;

export interface ReadyFrame {
  event: 'ready';
  connectionId: string;
  userId: string;
  /** `null`: an anonymous device, live messages only. */
  deviceId: string | null;
  channel: string;
  epoch: string;
  head: number;
  cursor: number;
  /** What the connection hears without asking, besides its own channel. */
  subscriptions: SubscriptionState[];
  /** What the user has read. Absent: a `read` frame follows, because both do not fit. */
  read?: ReadState;
  serverAt: number;
}

/** What is read of a user's own channel. */
export interface ReadMarks {
  /** All up to this seq is read. */
  through: number;
  /** These are, too: single seqs after it, ascending. */
  seqs: number[];
}

/**
 * `version` grows with every change, so that a late frame is told from a newer one. 0: nothing was
 * ever marked.
 */
export interface ReadState extends ReadMarks {
  version: number;
}

/** To every connection of the user when the read state has changed. */
export interface ReadFrame extends ReadState {
  event: 'read';
  channel: string;
  epoch: string;
  /** Counted to 1,000 at most. */
  unread: number;
}

/** `read`: only of the user's own channel. */
export type InboxMessage<Data> = FramedMessage<Data> & { read?: boolean };

/** A part of a channel's log, newest first. */
export interface HistoryFrame<Data = unknown> {
  event: 'history';
  ref?: string;
  channel: string;
  epoch: string;
  messages: InboxMessage<Data>[];
  /** Older messages are kept. */
  more: boolean;
  /** Only of the user's own channel; counted to 1,000 at most. */
  unread?: number;
}

/** Where a channel stands, and from where the device is brought what it missed. */
export interface SubscriptionState {
  channel: string;
  epoch: string;
  head: number;
  cursor: number;
}

export type SubscribedFrame = { event: 'subscribed' } & SubscriptionState & { ref?: string };

/** `removed`: the user is no longer a member of the topic. */
export type UnsubscribedCode = 'requested' | 'removed';

export interface UnsubscribedFrame {
  event: 'unsubscribed';
  channel: string;
  code: UnsubscribedCode;
  ref?: string;
}

/** The answer to a client's `publish`. It does not tell who is connected. */
export interface PublishedFrame {
  event: 'published';
  ref?: string;
  id: string;
  results: PublishedTo[];
}

export type PublishedTo =
  | { channel: string; seq: number; duplicate: boolean }
  | { channel: string; error: { code: string; message: string; retryable: boolean } };

/** The answer to a `send`: the application's bus has the message. */
export interface TakenFrame {
  event: 'taken';
  ref?: string;
}

export type MessageFrame<Data = unknown> = { event: 'message'; channel: string } & FramedMessage<Data>;

/** Accounts for every seq in (`after`, `through`]. */
export interface ReplayFrame<Data = unknown> {
  event: 'replay';
  channel: string;
  epoch: string;
  messages: FramedMessage<Data>[];
  /** Exclusive lower bound. */
  after: number;
  /** Inclusive upper bound. */
  through: number;
  /** How many of these seqs retention has removed. */
  expired: number;
  /** How many a newer message with the same collapse key stands for. Absent: none. */
  collapsed?: number;
  /** Messages that were withdrawn, by withdrawals that are among these seqs. Absent: none. */
  withdrawn?: number[];
  /** The head is beyond `through`. */
  more: boolean;
}

/**
 * Messages were withdrawn. The withdrawal has a place in the log, `seq`, like any message.
 */
export interface WithdrawnFrame {
  event: 'withdrawn';
  channel: string;
  seq: number;
  /** What was withdrawn. */
  seqs: number[];
}

export interface PongFrame {
  event: 'pong';
  epoch: string;
  head: number;
  /** The other channels that the connection hears. */
  subscriptions: Omit<SubscriptionState, 'cursor'>[];
  serverAt: number;
}

export interface ErrorFrame {
  event: 'error';
  code: FrameErrorCode;
  message: string;
  retryable: boolean;
  /** The same frame may be sent again after so long. */
  retryAfterMs?: number;
  ref?: string;
}

export interface ByeFrame {
  event: 'bye';
  code: ByeCode;
  message: string;
  reconnect: boolean;
  retryAfterMs: number;
}

export type ServerFrame<Data = unknown> =
  | ReadyFrame
  | MessageFrame<Data>
  | ReplayFrame<Data>
  | PongFrame
  | SubscribedFrame
  | UnsubscribedFrame
  | PublishedFrame
  | TakenFrame
  | WithdrawnFrame
  | ReadFrame
  | HistoryFrame<Data>
  | ErrorFrame
  | ByeFrame;

/** A frame as the domain hands it to the gateway. */
export type OutgoingFrame = ServerFrame<JsonText> | StompFrame;

export const messageFrame = (
  channel: string,
  { seq, id, type, data, sentAt, ack }: WireMessage,
  origin?: string,
): MessageFrame<JsonText> => ({
  event: 'message',
  channel,
  seq,
  id,
  type,
  data,
  sentAt,
  ...(origin !== undefined && { origin }),
  ...(ack !== undefined && { ack }),
});

export const errorFrame = ({ code, message, ref, retryAfterMs }: FrameError): ErrorFrame => ({
  event: 'error',
  code,
  message,
  retryable: FRAME_ERRORS[code].retryable,
  ...(retryAfterMs !== undefined && { retryAfterMs }),
  ...(ref !== undefined && { ref }),
});

/** A client that did not read for a while may still be busy. */
const NOT_READING_RETRY_MS = 1000;

export const byeFrame = (code: ByeCode): ByeFrame => ({
  event: 'bye',
  code,
  ...BYES[code],
  retryAfterMs: code === 'not_reading' ? NOT_READING_RETRY_MS : 0,
});
