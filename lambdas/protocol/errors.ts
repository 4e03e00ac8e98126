/**
 * Everything that can go wrong on the wire, by its code: frames to clients and problems to
 * publishers.
 */

/** Faults of a client frame. `retryable`: the same frame may succeed later. */
export const FRAME_ERRORS = {
  bad_json: { retryable: false },
  bad_frame: { retryable: false },
  unknown_action: { retryable: false },
  frame_too_large: { retryable: false },
  too_large: { retryable: false },
  unknown_channel: { retryable: false },
  forbidden: { retryable: false },
  not_subscribed: { retryable: false },
  too_many_subscriptions: { retryable: false },
  idempotency_conflict: { retryable: false },
  ack_past_head: { retryable: false },
  epoch_mismatch: { retryable: false },
  rate_limited: { retryable: true },
  internal: { retryable: true },
} as const;

export type FrameErrorCode = keyof typeof FRAME_ERRORS;

/**
 * A client frame that cannot be obeyed. It is answered with an `error` frame and changes nothing.
 */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  readonly code: FrameErrorCode;
  /** The frame's own `ref`, echoed so that the client knows which frame failed. */
  readonly ref: string | undefined;
  /** Of `rate_limited`: the same frame may be sent again after so long. */
  readonly retryAfterMs: number | undefined;

  constructor(code: FrameErrorCode, message: string, ref?: string, retryAfterMs?: number) {
    super(message);
    this.code = code;
    this.ref = ref;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Why the server closes a connection. `reconnect: false`: connecting again as before would end the
 * same way.
 */
export const BYES = {
  token_expired: { message: 'The token has expired. Connect again with a new one.', reconnect: false },
  replaced: { message: 'This device has opened another connection.', reconnect: false },
  too_many_connections: { message: 'The user has opened too many connections.', reconnect: false },
  revoked: { message: 'The connection was revoked by an operator.', reconnect: false },
  not_reading: { message: 'The connection took no frames for a while. Connect again.', reconnect: true },
} as const;

export type ByeCode = keyof typeof BYES;

/** One wrong field of a request: `path` as in `to.users[3]`, empty for the request as a whole. */
export interface FieldError {
  path: string;
  message: string;
}

/** Faults of a whole request of a publisher or operator, each with its HTTP status. */
export const REQUEST_ERRORS = {
  invalid_request: { status: 400, title: 'Bad Request' },
  not_found: { status: 404, title: 'Not Found' },
  idempotency_conflict: { status: 409, title: 'Conflict' },
  too_many_topics: { status: 409, title: 'Conflict' },
  too_large: { status: 413, title: 'Content Too Large' },
} as const;

export type RequestErrorCode = keyof typeof REQUEST_ERRORS;

/**
 * An answer stays small however much is wrong with the request, and whatever its faults quote of
 * it.
 */
const MAX_FAULTS_OF_A_KIND = 10;
const MAX_PATH_LENGTH = 100;
const MAX_MESSAGE_LENGTH = 300;

/** The first few faults of one kind, and how many more there are at `path`. */
export function firstFew(path: string, faults: FieldError[]): FieldError[] {
  const more = faults.length - MAX_FAULTS_OF_A_KIND;
  if (more <= 0) return faults;
  return [...faults.slice(0, MAX_FAULTS_OF_A_KIND), { path, message: `and ${more} more` }];
}

/**
 * The names that are not among those `expected`, each a fault. `prefix`: of their paths, as in
 * `to.`.
 */
export function unknownNames(
  kind: 'field' | 'parameter',
  names: string[],
  expected: readonly string[],
  prefix = '',
): FieldError[] {
  const unknown = names.filter((name) => !expected.includes(name));
  const rule = expected.length > 0 ? `one of ${expected.join(', ')}` : 'none';
  const message = `unknown ${kind}, expected ${rule}`;
  return unknown.map((name) => ({ path: prefix + name, message }));
}

const cut = ({ path, message }: FieldError): FieldError => ({
  path: beginningOf(path, MAX_PATH_LENGTH),
  message: beginningOf(message, MAX_MESSAGE_LENGTH),
});

/** Half of a character has no UTF-8 form: a cut may leave one, and a name may hold one. */
const beginningOf = (text: string, length: number): string => text.slice(0, length).toWellFormed();

/** A request that is refused as a whole, before anything was stored. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: RequestErrorCode;
  readonly errors: FieldError[];

  constructor(code: RequestErrorCode, faults: FieldError[]) {
    const errors = faults.map(cut);
    super(errors.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; '));
    this.code = code;
    this.errors = errors;
  }
}
