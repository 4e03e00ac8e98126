/** What an operator sets. */

/** The most subscribers that a publish may serve before it is answered. */
export const MAX_FAN_OUT_PAGE = 1_000;
/** Workers of fan-outs at once: they share the rate. */
export const FAN_OUT_WORKERS = 10;
/** In posts a second. */
export const MAX_FAN_OUT_RATE = 100_000;
/** The most sockets that may wait for their `CONNECT`. */
export const MAX_PENDING_SOCKETS = 10_000;

/** How many sockets may be waiting for their `CONNECT`; refused ones count for 30 s, too. */
export interface PendingLimits {
  perAddress: number;
  inAll: number;
}

/** The longest delay of a queue. */
export const MAX_OFFLINE_AFTER_SECONDS = 900;

export interface Settings {
  /** Callback URL of our API stage, kept on each connection's row. */
  callbackUrl: string;
  /** A user's connections beyond this number are evicted, oldest first. */
  maxConnectionsPerUser: number;
  /** Frames a second that a connection may send, in the long run; bursts of five times as many. */
  frameRate: number;
  /** A user's devices beyond this number are forgotten, the longest unseen first. */
  maxDevicesPerUser: number;
  /** Channels that a connection may subscribe to, besides its user's own and `everyone`. */
  maxSubscriptions: number;
  /** Whether every connection hears the channel `everyone`. */
  everyone: boolean;
  /** Patterns of topics that every user may subscribe to. */
  openTopics: readonly string[];
  /** Subscribers that are served before a publish is answered; the rest is queued. */
  fanOutPage: number;
  /** Posts a second of all fan-outs together. */
  fanOutRate: number;
  /** Whether clients may send messages to the application. */
  appMessages: boolean;
  /** Whether the application is told who comes and goes. */
  events: boolean;
  /** How long after the last connection closed a user counts as offline. */
  offlineAfterSeconds: number;
  /** Undefined: clients of STOMP are not served. */
  stomp?: PendingLimits | undefined;
  /** Of how many messages in a hundred the log tells the way. */
  logSampling: number;
  /** Retention of a message whose publisher and type name none. */
  defaultRetentionSeconds: number;
  /** Refuse message types that are not in the registry. */
  closedTypes: boolean;
}
