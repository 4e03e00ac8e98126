/**
 * How a user id stands in the path of a request: plainly where nothing along the way can change
 * it, else as `~` and its base64url.
 *
 * An HTTP API decodes the path before it matches routes, turns `%2F` into a separator and cuts at
 * a decoded `?`. Example: `DELETE /users/alice%2Fconnections%3F/connections` would cut the
 * connections of `alice`, another user, if a service built it from an id that somebody chose.
 */
import { isUserId } from './names.ts';

export const USER_PATH_RULE =
  'a user id of letters, digits and . _ : @ + , = -, or ~ and the base64url of any user id';

const PLAIN = /^[A-Za-z0-9._:@+,=-]+$/;

/** URL parsers take these segments for "here" and "one up", and remove them. */
const DOTS = ['.', '..'];

/** The path segment that names this user. */
export const userPath = (userId: string): string =>
  PLAIN.test(userId) && !DOTS.includes(userId) ? userId : `~${base64UrlOf(userId)}`;

/**
 * The user that a path segment names. Undefined: nobody; {@link USER_PATH_RULE} says what would.
 */
export function parseUserPath(segment: string | undefined): string | undefined {
  if (segment === undefined) return undefined;
  const userId = segment.startsWith('~') ? textOf(segment.slice(1)) : plain(segment);
  return isUserId(userId) ? userId : undefined;
}

const plain = (segment: string): string | undefined => (PLAIN.test(segment) ? segment : undefined);

function base64UrlOf(text: string): string {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Undefined: no base64url of a UTF-8 text, or not the only way to write it. */
function textOf(base64Url: string): string | undefined {
  try {
    const bytes = atob(base64Url.replaceAll('-', '+').replaceAll('_', '/'));
    const text = utf8.decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
    return base64UrlOf(text) === base64Url ? text : undefined;
  } catch {
    return undefined;
  }
}

/** A byte order mark is part of the id, as everything else is. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
