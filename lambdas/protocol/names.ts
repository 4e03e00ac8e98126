/**
 * What may be a name on the wire: user, device, message type and message id. Each check says what
 * is allowed.
 */
import { MAX_MESSAGE_ID_BYTES, MAX_USER_ID_BYTES, utf8Bytes } from './limits.ts';

/** Device ids and message types share one alphabet, safe in URLs, headers and logs. */
const TOKEN = /^[\w.:-]{1,128}$/;

export const TOKEN_RULE = '1 to 128 characters of A-Z a-z 0-9 . _ : -';
export const isToken = (value: unknown): value is string => typeof value === 'string' && TOKEN.test(value);

/** Types of what Herald itself puts into a channel's log begin so. */
const RESERVED_TYPES = 'herald.';

export const TYPE_RULE = `${TOKEN_RULE}, not beginning with ${RESERVED_TYPES}`;
/** The type of a message that somebody publishes. */
export const isPublishedType = (value: unknown): value is string =>
  isToken(value) && !value.startsWith(RESERVED_TYPES);

/** Where a client's message to the application goes: tokens with slashes between. */
export const DESTINATION_RULE = `${TOKEN_RULE} /`;
export const isDestination = (value: unknown): value is string =>
  typeof value === 'string' && /^[\w.:/-]{1,128}$/.test(value);

export const ORIGIN_RULE = 'an origin such as https://app.example';
/**
 * As a browser sends it: no path, no default port, lower case. App shells send schemes of their
 * own, as in `capacitor://localhost`.
 */
export const isOrigin = (value: unknown): value is string => {
  if (typeof value !== 'string') return false;
  if (/^https?:/.test(value)) return URL.canParse(value) && new URL(value).origin === value;
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#@,\s]+$/.test(value);
};

/** A tab or a window of a device. */
export const isTab = isToken;

/**
 * Marked as pure, so that the client library, which needs none of these texts, is built without
 * them.
 */
export const USER_ID_RULE = /* @__PURE__ */ textRule(MAX_USER_ID_BYTES);
export const isUserId = (value: unknown): value is string => isText(value, MAX_USER_ID_BYTES);

export const MESSAGE_ID_RULE = /* @__PURE__ */ textRule(MAX_MESSAGE_ID_BYTES);
export const isMessageId = (value: unknown): value is string => isText(value, MAX_MESSAGE_ID_BYTES);

function textRule(maxBytes: number): string {
  return `1 to ${maxBytes} bytes of text without control characters`;
}

/** A lone surrogate has no UTF-8 form: two different names would become one key. */
const isText = (value: unknown, maxBytes: number): value is string =>
  typeof value === 'string' &&
  value !== '' &&
  value.isWellFormed() &&
  !/\p{Cc}/u.test(value) &&
  utf8Bytes(value) <= maxBytes;
