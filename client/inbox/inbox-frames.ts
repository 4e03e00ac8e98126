/** The server's frames of the inbox, and what tabs tell each other of it. */
import type {
  HistoryFrame,
  InboxMessage,
  ReadState,
  ReadFrame as ReadStateFrame,
} from '../../lambdas/protocol/frames.ts';

export type { HistoryFrame, ReadState };

/** The read state, as a `read` frame or `ready` tells it: that does not count what is unread. */
export type ReadFrame = Omit<ReadStateFrame, 'unread'> & { unread?: number };
export type HistoryMessage = InboxMessage<unknown>;

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
