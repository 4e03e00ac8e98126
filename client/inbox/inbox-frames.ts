/** The server's frames of the inbox, and what tabs tell each other of it. */
import type { ClientMessage } from '../../lambdas/protocol/frames.ts';

/** What the user has read: all through `through`, and `seqs` after it. Grows with every change. */
export interface ReadState {
  version: number;
  through: number;
  seqs: number[];
}

/** A page of a channel, newest first. */
export interface HistoryFrame {
  event: 'history';
  ref?: string;
  channel: string;
  epoch: string;
  messages: HistoryMessage[];
  more: boolean;
  /** Of the user's own channel as a whole; counted to 1,000 at most. */
  unread?: number;
}

export type HistoryMessage = ClientMessage & { read?: boolean };

/** The read state has changed. `unread`: as in a {@link HistoryFrame}. */
export type ReadFrame = { event: 'read'; channel: string; epoch: string; unread?: number } & ReadState;

/** `seq` is the withdrawal's own place in the log, `seqs` are the messages that are withdrawn. */
export interface WithdrawnFrame {
  event: 'withdrawn';
  channel: string;
  seq: number;
  seqs: number[];
}

export type InboxFrame = HistoryFrame | ReadFrame | WithdrawnFrame;

/** One mark of one message, or of all through it. */
export interface Mark {
  /** Unique among all tabs and visits of the page. */
  id: string;
  /** The numbering that `seq` belongs to. Undefined: not known yet. */
  epoch?: string | undefined;
  /** The field of the `read` frame that names the seq. */
  form: 'through' | 'seqs' | 'unread';
  seq: number;
}
