/** The words of STOMP that more than its wire knows: versions, and why a server refuses. */

/** Lowest first. */
export const STOMP_VERSIONS = ['1.0', '1.1', '1.2'] as const;
export type StompVersion = (typeof STOMP_VERSIONS)[number];

/** The `message` of an `ERROR` frame. After each of them the connection is closed. */
export type StompErrorCode =
  | 'bad_token'
  | 'unsupported_version'
  | 'not_connected'
  | 'already_connected'
  | 'bad_frame'
  | 'frame_too_large'
  | 'unknown_destination'
  | 'forbidden'
  | 'unsupported'
  | 'token_expired'
  | 'revoked'
  | 'too_many_connections'
  | 'too_many_subscriptions'
  | 'internal'
  | 'rate_limited';

/** A frame that cannot be obeyed. Its text names neither the token nor what the frame carried. */
export class StompError extends Error {
  override readonly name = 'StompError';
  readonly code: StompErrorCode;

  constructor(code: StompErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
