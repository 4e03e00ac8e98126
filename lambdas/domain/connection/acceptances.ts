/**
 * Which connections of this process have taken a frame, and when. API Gateway answers 429 for a
 * client that does not read, and for an account that may not post any more: if other connections
 * still take frames, it is the client.
 */

export interface Acceptances {
  add(connectionId: string, now: number): void;
  /** Whether a connection other than this one took a frame since then. */
  hasOtherSince(connectionId: string, since: number): boolean;
}

/** The two newest are enough: one of them is another connection. */
export function createAcceptances(): Acceptances {
  let newest: { connectionId: string; at: number } | undefined;
  let other: { connectionId: string; at: number } | undefined;
  return {
    add(connectionId, at) {
      if (newest?.connectionId !== connectionId) other = newest;
      newest = { connectionId, at };
    },
    hasOtherSince: (connectionId, since) =>
      [newest, other].some((one) => one && one.connectionId !== connectionId && one.at >= since),
  };
}
