/**
 * The keys that verify tokens, and their simple case: a shared secret, in its current and its
 * previous version.
 */
import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Algorithm } from 'jsonwebtoken';
import { createTokenBucket } from '../domain/token-bucket.ts';

/** Holds `KeyObject`s, made once: they verify several times faster than a key given as text. */
export interface TokenKeys {
  /** The only algorithms accepted. The token's own header must never choose another. */
  algorithms: Algorithm[];
  /**
   * The keys that may have signed the token, the likeliest first; an empty list when no key fits.
   * `kid`, `algorithm`: from the token's header. Rejects when the keys cannot be read or fetched.
   */
  find(kid: string | undefined, algorithm: Algorithm): Promise<KeyObject[]>;
  /**
   * Reads the keys again, because none that `find` returned has signed the token. Absent where a
   * second read would bring the same keys. Rejects as `find` does.
   */
  lookAgain?(): Promise<KeyObject[]>;
}

export const SECRET_VERSIONS = ['AWSCURRENT', 'AWSPREVIOUS'] as const;
export type SecretVersion = (typeof SECRET_VERSIONS)[number];

/** Undefined: the secret has no such version. */
export type ReadSecret = (version: SecretVersion) => Promise<string | undefined>;

const KEPT_MS = 5 * 60_000;

/** A token bucket for second reads, because any client can send a token that fits no key. */
const LOOKS_AT_ONCE = 3;
const LOOK_PACE_MS = 10_000;

/** RFC 7518, section 3.2: HS256 needs a key as long as its hash. */
const MIN_SECRET_BYTES = 32;

/** The secret must not sign tokens. The message says why and never quotes the secret. */
export class UnfitSecret extends Error {
  override readonly name = 'UnfitSecret';
}

/** Returns `text`, or throws an {@link UnfitSecret}. `name`: how the message calls the secret. */
export function checkSecret(name: string, text: string): string {
  if (text.trim() === '') throw new UnfitSecret(`${name} is blank`);
  if (isJsonContainer(text)) {
    throw new UnfitSecret(`${name} is JSON, expected the secret itself as plain text: all of it is the key`);
  }
  const bytes = Buffer.byteLength(text);
  if (bytes >= MIN_SECRET_BYTES) return text;
  throw new UnfitSecret(`${name} has ${bytes} bytes, expected at least ${MIN_SECRET_BYTES}`);
}

/**
 * Whether the text is a JSON object or array. The console of Secrets Manager makes an object like
 * `{"secret":"…"}` by default. A number is valid JSON too, but may well be a secret.
 */
function isJsonContainer(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}

function isFit(text: string | undefined): text is string {
  if (text === undefined) return false;
  try {
    checkSecret('', text);
    return true;
  } catch {
    return false;
  }
}

interface Kept {
  keys: KeyObject[];
  versions: readonly SecretVersion[];
  readAt: number;
}

/**
 * HS256 with a shared secret.
 * - Reads the current version every five minutes. While reading fails, the version read last
 *   remains in use.
 * - When a token fits no key, reads the current version again and the previous one too. So a
 *   rotation of the secret locks out neither clients with an old token nor those with a new one.
 * - A current version that is unfit is a fault, and `lookAgain` rejects with it. Tokens that fit
 *   the version read last are still accepted until somebody mends the secret.
 * - A previous version that is unfit verifies nothing.
 */
export function secretKeys(readSecret: ReadSecret, now: () => number = Date.now): TokenKeys {
  const looks = createTokenBucket({ burst: LOOKS_AT_ONCE, paceMs: LOOK_PACE_MS, now });
  let kept: Kept | undefined;

  const read = async (versions: readonly SecretVersion[]): Promise<KeyObject[]> => {
    const [current, ...previous] = await Promise.all(versions.map(readSecret));
    if (current === undefined) throw new Error('the secret has no current version');
    const texts = [checkSecret('the secret', current), ...previous.filter(isFit)];
    const keys = texts.map((text) => createSecretKey(text, 'utf8'));
    kept = { keys, versions, readAt: now() };
    return keys;
  };

  /** Keeps the last keys for five more minutes, so that not each connect repeats a failing read. */
  const stand = (last: Kept): KeyObject[] => {
    kept = { ...last, readAt: now() };
    return last.keys;
  };

  return {
    algorithms: ['HS256'],
    async find() {
      const last = kept;
      if (last && now() - last.readAt < KEPT_MS) return last.keys;
      const again = read(last?.versions ?? ['AWSCURRENT']);
      return last ? await again.catch(() => stand(last)) : await again;
    },
    async lookAgain() {
      const last = kept;
      if (last && !looks.take()) return last.keys;
      const again = read(SECRET_VERSIONS);
      if (!last) return await again;
      return await again.catch((error: unknown) => {
        if (error instanceof UnfitSecret) throw error;
        return last.keys;
      });
    },
  };
}
