/** The way to open connections: posts a frame, closes a socket. */
import type { OutgoingFrame } from '../../protocol/frames.ts';
import type { Connection } from '../model.ts';

/** Never rejects: the outcome says what happened. The gateway logs why a call `failed`. */
export interface Gateway {
  /** Encodes the frame in the connection's dialect, and posts it. */
  post(connection: Recipient, frame: OutgoingFrame): Promise<PostOutcome>;
  /** Closes the socket; `sent`: it is closing. */
  close(connection: Pick<Recipient, 'connectionId' | 'endpoint'>): Promise<PostOutcome>;
}

/**
 * What became of one frame. `gone`: the connection does not exist, or not yet (HTTP 410 says both).
 * `throttled`: the client or the account takes no more for now. `failed`: anything else, also a
 * time-out; the frame may have arrived.
 */
export type PostOutcome = 'sent' | 'gone' | 'throttled' | 'failed';

/** What the gateway needs to know of a connection. */
export type Recipient = Pick<Connection, 'connectionId' | 'endpoint' | 'dialect'>;
