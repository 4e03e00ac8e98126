/** What is said to and by clients of STOMP, as values. `wire/stomp/` reads and writes them. */
import type { ByeCode } from './errors.ts';

/** Lowest first. */
export const STOMP_VERSIONS = ['1.0', '1.1', '1.2'] as const;
export type StompVersion = (typeof STOMP_VERSIONS)[number];

/** The sub-protocols of STOMP, the highest version first. */
export const STOMP_DIALECTS = ['v12.stomp', 'v11.stomp', 'v10.stomp'] as const;
export type StompDialect = (typeof STOMP_DIALECTS)[number];

export const isStomp = (dialect: string): dialect is StompDialect => dialect.endsWith('.stomp');

const VERSION_OF: Record<StompDialect, StompVersion> = {
  'v12.stomp': '1.2',
  'v11.stomp': '1.1',
  'v10.stomp': '1.0',
};
export const versionOf = (dialect: StompDialect): StompVersion => VERSION_OF[dialect];
export const stompDialect = (version: StompVersion): StompDialect =>
  `v${version.replace('.', '')}.stomp` as StompDialect;

/** What settles messages: being posted, an ack of a later one, or one of their own. */
export const STOMP_ACKS = ['auto', 'client', 'client-individual'] as const;
export type StompAck = (typeof STOMP_ACKS)[number];

/** The `message` of an `ERROR` frame. After each of them the connection is closed. */
export type StompErrorCode =
  | 'bad_token'
  | 'unsupported_version'
  | 'not_connected'
  | 'already_connected'
  | 'bad_frame'
  | 'frame_too_large'
  | 'unknown_destination'
  | 'forbidden'
  | 'unsupported'
  | 'too_many_subscriptions'
  | 'internal'
  | 'rate_limited'
  | Exclude<ByeCode, 'replaced' | 'not_reading'>;

/**
 * Of the destination and the id of a subscription, as they are written: they stand in each of its
 * messages. A `MESSAGE` has 1,024 bytes around the largest message; its other headers take at most
 * {@link MESSAGE_HEAD_BYTES} of them.
 */
export const MAX_NAMES_BYTES = 448;
export const MESSAGE_HEAD_BYTES = 576;

/** A frame that cannot be obeyed. Its text names neither the token nor what the frame carried. */
export class StompError extends Error {
  override readonly name = 'StompError';
  readonly code: StompErrorCode;

  constructor(code: StompErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export interface ConnectedFrame {
  event: 'stomp.connected';
  userId: string;
  session: string;
}

/** One message for one subscription. */
export interface StompMessage {
  subscription: string;
  destination: string;
  messageId: string;
  /** The client is to acknowledge it. */
  asksForAck: boolean;
  message: { seq: number; id: string; type: string; data: string; sentAt: number };
  /** It was published before the client subscribed. */
  replayed: boolean;
  /** How many messages before it retention has removed. */
  expired: number;
}

/** One text, in which each message is a frame. */
export interface StompMessages {
  event: 'stomp.messages';
  messages: StompMessage[];
}

export interface ReceiptFrame {
  event: 'stomp.receipt';
  receipt: string;
}

export interface StompErrorFrame {
  event: 'stomp.error';
  code: StompErrorCode;
  message: string;
  /** Of the frame that is refused. */
  receipt: string | undefined;
}

export type StompFrame = ConnectedFrame | StompMessages | ReceiptFrame | StompErrorFrame;

/** What a client's frame asks for. */
export type StompCommand =
  | { command: 'CONNECT'; connect: ConnectHeaders }
  | { command: 'SUBSCRIBE'; id: string; destination: string; ack: StompAck }
  | { command: 'UNSUBSCRIBE'; id: string | undefined }
  | { command: 'SEND'; destination: string; type: string | undefined; body: string; data: unknown }
  | { command: 'ACK'; messageId: string | undefined }
  | { command: 'NACK' }
  | { command: 'DISCONNECT' };

export interface ConnectHeaders {
  version: StompVersion;
  /** Undefined: that of the handshake counts. */
  token: string | undefined;
  deviceId: string | undefined;
  /** The largest text that may hold several replayed messages; 0: one message in a text. */
  batchBytes: number;
}

/** A frame whose headers cannot be read before the version is known. */
export interface UnreadFrame {
  /** Throws a {@link StompError}. */
  read(version: StompVersion): StompCommand;
  /** What its client wants to be told of. Never throws. */
  receipt(version: StompVersion): string | undefined;
}
