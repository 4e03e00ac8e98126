/** The frames a client sends, as values. */

interface Common {
  /** Echoed in the error frame, should there be one. */
  ref?: string | undefined;
}

interface OnChannel extends Common {
  /** Default: the user's own channel. */
  channel?: string | undefined;
  /** When given, the numbering the client means; another one is refused with `epoch_mismatch`. */
  epoch?: string | undefined;
}

export interface AckFrame extends OnChannel {
  action: 'ack';
  /** All through this seq is settled. */
  seq: number;
}

export interface SyncFrame extends OnChannel {
  action: 'sync';
  /** Default: the device's cursor. */
  after?: number | undefined;
}

export interface PingFrame extends Common {
  action: 'ping';
}

export type ClientFrame = AckFrame | SyncFrame | PingFrame;
