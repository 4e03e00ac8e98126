/** The limits an operator sets. */
export interface Settings {
  /** Callback URL of our API stage, kept on each connection's row. */
  callbackUrl: string;
  /** A user's connections beyond this number are evicted, oldest first. */
  maxConnectionsPerUser: number;
  /** Frames a second that a connection may send, in the long run; bursts of five times as many. */
  frameRate: number;
  /** A user's devices beyond this number are forgotten, the longest unseen first. */
  maxDevicesPerUser: number;
  /** Retention of a message whose publisher and type name none. */
  defaultRetentionSeconds: number;
  /** Refuse message types that are not in the registry. */
  closedTypes: boolean;
}
