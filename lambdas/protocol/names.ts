/** What may be a name on the wire: user, device, message type and message id. Each check says what is allowed. */
import { MAX_MESSAGE_ID_BYTES, MAX_USER_ID_BYTES, utf8Bytes } from './limits.ts';

const TOKEN = /^[A-Za-z0-9._:-]{1,128}$/;

/** Device ids and message types share one alphabet, safe in URLs, headers and logs. */
export const TOKEN_RULE = '1 to 128 characters of A-Z a-z 0-9 . _ : -';
export const isToken = (value: unknown): value is string => typeof value === 'string' && TOKEN.test(value);

export const USER_ID_RULE = `1 to ${MAX_USER_ID_BYTES} bytes of text without control characters`;
export const isUserId = (value: unknown): value is string => isText(value, MAX_USER_ID_BYTES);

export const MESSAGE_ID_RULE = `1 to ${MAX_MESSAGE_ID_BYTES} bytes of text without control characters`;
export const isMessageId = (value: unknown): value is string => isText(value, MAX_MESSAGE_ID_BYTES);

/** A lone surrogate has no UTF-8 form: two different names would become one key. */
const isText = (value: unknown, maxBytes: number): value is string =>
  typeof value === 'string' &&
  value !== '' &&
  value.isWellFormed() &&
  !/\p{Cc}/u.test(value) &&
  utf8Bytes(value) <= maxBytes;
