/** The frames of protocol version 1 and how the server's are encoded. Instants are epoch milliseconds. */
import { BYES, type ByeCode, FRAME_ERRORS, type FrameError, type FrameErrorCode } from './errors.ts';

export const SUBPROTOCOL = 'herald.v1';

/** `auto`: an accepted post settles a message. `client`: only an `ack` frame does. */
export const ACK_MODES = ['auto', 'client'] as const;
export type AckMode = (typeof ACK_MODES)[number];

/** A JSON text, kept as it was stored: a message is encoded once, when it is published. */
export type JsonText = string;

/** What of a stored message a device is told. */
export interface WireMessage {
  seq: number;
  id: string;
  type: string;
  data: JsonText;
  sentAt: number;
}

export interface Ready {
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

export interface Replay {
  channel: string;
  epoch: string;
  messages: JsonText[];
  /** This frame settles what follows this seq, */
  after: number;
  /** up to and with this one. */
  through: number;
  expired: number;
  more: boolean;
}

export const encodeReady = (ready: Ready): string => JSON.stringify({ event: 'ready', ...ready });

export const encodePong = (epoch: string, head: number, serverAt: number): string =>
  JSON.stringify({ event: 'pong', epoch, head, serverAt });

export const encodeError = ({ code, message, ref }: FrameError): string =>
  JSON.stringify({ event: 'error', code, message, retryable: FRAME_ERRORS[code].retryable, ref });

export const encodeBye = (code: ByeCode): string =>
  JSON.stringify({ event: 'bye', code, ...BYES[code], retryAfterMs: 0 });

/** The live frame of a message. */
export const encodeMessage = (channel: string, message: WireMessage): string =>
  `{"event":"message","channel":${JSON.stringify(channel)},${messageFields(message)}}`;

/** A message as it stands in a replay frame and in the history. */
export const encodeReplayed = (message: WireMessage): JsonText => `{${messageFields(message)}}`;

export const encodeReplay = ({ channel, epoch, messages, after, through, expired, more }: Replay): string =>
  `{"event":"replay","channel":${JSON.stringify(channel)},"epoch":${JSON.stringify(epoch)},` +
  `"messages":[${messages.join(',')}],"after":${after},"through":${through},"expired":${expired},"more":${more}}`;

const messageFields = ({ seq, id, type, data, sentAt }: WireMessage): string =>
  `"seq":${seq},"id":${JSON.stringify(id)},"type":${JSON.stringify(type)},"data":${data},"sentAt":${sentAt}`;

/** The server's frames as a client parses them. */
export type ServerFrame = ReadyFrame | MessageFrame | ReplayFrame | PongFrame | ErrorFrame | ByeFrame;

export type ReadyFrame = { event: 'ready' } & Ready;

/** A message as a client sees it: its `data` parsed. */
export interface ClientMessage extends Omit<WireMessage, 'data'> {
  data: unknown;
}

export type MessageFrame = { event: 'message'; channel: string } & ClientMessage;

export type ReplayFrame = { event: 'replay'; messages: ClientMessage[] } & Omit<Replay, 'messages'>;

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
  ref?: string;
}

export interface ByeFrame {
  event: 'bye';
  code: ByeCode;
  message: string;
  reconnect: boolean;
  retryAfterMs: number;
}
