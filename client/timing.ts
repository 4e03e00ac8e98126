/** Every duration and bound the client goes by, with the reasons for its values. */

export interface Timing {
  /** How long a missing seq may be on its way before it is asked for; doubles while asking brings nothing. */
  gapMs: number;
  /** An ack is sent after this time or this many messages. */
  ackDelayMs: number;
  ackBatch: number;
  /** API Gateway closes after 10 minutes without a frame. */
  pingEveryMs: number;
  /** How often the clock is looked at. Three times as late: the computer slept. Browsers slow hidden pages to one look a minute. */
  tickMs: number;
  /** A connection that answers a ping with nothing for this long is dead. */
  probeTimeoutMs: number;
  /** For each of: the token, the handshake (API Gateway gives it 29 s), the `ready` frame, the next frame of a replay. */
  connectTimeoutMs: number;
  /** The bounds of the waits between tries of anything. A connection that outlives the longest proves that the server is well. */
  backoffBaseMs: number;
  backoffCapMs: number;
  /** API Gateway closes every connection after two hours: at this age, or up to 7 % later, it is replaced. */
  handoverAfterMs: number;
  /** How often a handler is called for one message. */
  handlerTries: number;
  /** How long `close()` waits for a handler. */
  closeTimeoutMs: number;
  /** Messages not yet handled, in UTF-16 units of their frames; at least twice a replay window of 512 KB. */
  maxBuffered: number;
}

const MINUTE_MS = 60_000;

export const DEFAULT_TIMING: Timing = {
  gapMs: 250,
  ackDelayMs: 250,
  ackBatch: 50,
  pingEveryMs: 9 * MINUTE_MS,
  tickMs: 30_000,
  probeTimeoutMs: 5000,
  connectTimeoutMs: 30_000,
  backoffBaseMs: 500,
  backoffCapMs: 30_000,
  handoverAfterMs: 110 * MINUTE_MS,
  handlerTries: 5,
  closeTimeoutMs: 1000,
  maxBuffered: 1024 * 1024,
};
