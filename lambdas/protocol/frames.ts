/**
 * The server's frames of protocol version 1, as values. Instants are epoch milliseconds.
 * `wire/` writes them as the dialect of a connection has it.
 */
import { BYES, type ByeCode, FRAME_ERRORS, type FrameError, type FrameErrorCode } from './errors.ts';

/** How frames are written for one kind of client, by the name of its sub-protocol. */
export const DIALECT_NAMES = ['herald.v1'] as const;
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
  serverAt: number;
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
  /** The head is beyond `through`. */
  more: boolean;
}

export interface PongFrame {
  event: 'pong';
  epoch: string;
  head: number;
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
  | ErrorFrame
  | ByeFrame;

/** A frame as the domain hands it to the gateway. */
export type OutgoingFrame = ServerFrame<JsonText>;

export const messageFrame = (
  channel: string,
  { seq, id, type, data, sentAt }: WireMessage,
): MessageFrame<JsonText> => ({ event: 'message', channel, seq, id, type, data, sentAt });

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
