/** The frames a client sends, as values. */
import type { ClientNotification } from './notification.ts';
import type { Mark } from './read-mark.ts';

interface Common {
  /** Echoed in the error frame, should there be one. */
  ref?: string | undefined;
}

interface OnChannel {
  /** Default: the user's own channel. */
  channel?: string | undefined;
  /** When given, the numbering the client means; another one is refused with `epoch_mismatch`. */
  epoch?: string | undefined;
}

/** Several channels are acknowledged as a whole or not at all. */
export interface AckFrame extends Common {
  action: 'ack';
  acks: Ack[];
}

export interface Ack extends OnChannel {
  /** All through this seq is settled. */
  seq: number;
}

export interface SyncFrame extends Common, OnChannel {
  action: 'sync';
  /** Default: the device's cursor. */
  after?: number | undefined;
  /**
   * It was sent as the socket opened: `ready` and the first replay answer it, whoever sends them.
   */
  first?: true | undefined;
}

export interface PingFrame extends Common {
  action: 'ping';
  /** Acks that had time, taken as those of an {@link AckFrame}. */
  acks?: Ack[] | undefined;
}

export interface SubscribeFrame extends Common {
  action: 'subscribe';
  channel: string;
  /** Default: where the device stands. */
  after?: number | undefined;
  /** When given, the numbering `after` is of; of another one everything is sent that is kept. */
  epoch?: string | undefined;
}

export interface UnsubscribeFrame extends Common {
  action: 'unsubscribe';
  channel: string;
}

/** A message to the application, not to other clients. */
export interface SendFrame extends Common {
  action: 'send';
  destination: string;
  /** Any JSON value. */
  data: unknown;
}

/** A page of a channel's log, newest first. */
export interface HistoryRequest extends Common {
  action: 'history';
  /** Default: the user's own channel. */
  channel?: string | undefined;
  /** Only what is older than this seq. Default: the newest. */
  before?: number | undefined;
  limit?: number | undefined;
}

export interface ReadRequest extends Common {
  action: 'read';
  mark: Mark;
}

/**
 * A message to whoever hears the channels. It has a route and a Lambda of its own, so that nothing
 * else gets the rights of publishing.
 */
export interface PublishFrame extends Common {
  action: 'publish';
  notification: ClientNotification;
  /** The tab that is the origin. Undefined: the whole device is. */
  tab?: string | undefined;
}

/** The frames that are not of a route of their own. */
export type ClientFrame =
  | AckFrame
  | SyncFrame
  | PingFrame
  | SubscribeFrame
  | UnsubscribeFrame
  | SendFrame
  | HistoryRequest
  | ReadRequest;
