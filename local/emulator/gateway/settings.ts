/** The limits of API Gateway's WebSocket APIs, and the faults a test may switch on. */

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html */
export const MAX_MESSAGE_BYTES = 128 * 1024;
export const MAX_FRAME_BYTES = 32 * 1024;

export const STAGE = 'local';
export const API_ID = 'herald';

export interface GatewaySettings {
  /** Without data in either direction for so long, the connection is closed. */
  idleMs: number;
  /** No connection lives longer. */
  maxAgeMs: number;
  /** How long API Gateway waits for a Lambda. */
  integrationTimeoutMs: number;
  /** Bytes a client may leave unread before a post to it is throttled. */
  maxUnsentBytes: number;
  /** How long a client may take to answer a close before its socket is destroyed. */
  closeTimeoutMs: number;
  /** A line for each frame that a client is sent. */
  logDeliveries: boolean;
}

export const DEFAULTS: GatewaySettings = {
  idleMs: 600_000,
  maxAgeMs: 7_200_000,
  integrationTimeoutMs: 29_000,
  maxUnsentBytes: 1024 * 1024,
  closeTimeoutMs: 2000,
  logDeliveries: true,
};

/** What goes wrong now and then on AWS. Off by default; may be changed at any time. */
export interface Faults {
  /** Milliseconds by which this message reaches its Lambda late, so that messages overtake each other. */
  dispatchDelayMs?: (() => number) | undefined;
  /** The socket opens so much later than `$connect` succeeded. */
  openDelayMs?: number | undefined;
  /** `$disconnect` comes so late. */
  disconnectDelayMs?: number | undefined;
  /** `$disconnect` never comes. */
  dropDisconnect?: boolean | undefined;
  /** A post is delivered, and yet answered with 410. */
  goneAfterDelivery?: boolean | undefined;
  /** Posts are refused with 429. */
  throttlePosts?: boolean | undefined;
}
