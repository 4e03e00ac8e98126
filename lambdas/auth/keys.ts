/**
 * The keys that tokens are verified with, and the plain case of them: a shared secret, in its
 * current and its previous version.
 */

import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Algorithm } from 'jsonwebtoken';
import { createTokenBucket } from '../domain/token-bucket.ts';

/** A key made once verifies several times faster than its text. */
export interface TokenKeys {
  /** The only algorithms accepted: a token's own header must never choose. */
  algorithms: Algorithm[];
  /**
   * Those that the token may be signed with, the likeliest first. `kid`, `algorithm`: of the
   * token's header. None: no such key. Rejects when the keys cannot be had at the moment.
   */
  find(kid: string | undefined, algorithm: Algorithm): Promise<KeyObject[]>;
  /**
   * Those after another look, because none of the first fits. Absent: they would be the same.
   * Rejects as `find` does.
   */
  lookAgain?(): Promise<KeyObject[]>;
}

export const SECRET_VERSIONS = ['AWSCURRENT', 'AWSPREVIOUS'] as const;
export type SecretVersion = (typeof SECRET_VERSIONS)[number];

/** Undefined: the secret has no such version. */
export type ReadSecret = (version: SecretVersion) => Promise<string | undefined>;

const KEPT_MS = 5 * 60_000;

/** Anybody can send a token that fits no key. */
const LOOKS_AT_ONCE = 3;
const LOOK_PACE_MS = 10_000;

/** RFC 7518, section 3.2: HS256 needs a key as long as its hash. */
const MIN_SECRET_BYTES = 32;

/** A secret that must not sign tokens. Its message says why and never quotes it. */
export class UnfitSecret extends Error {
  override readonly name = 'UnfitSecret';
}

/** Throws an {@link UnfitSecret}. `name`: of the secret, in the message. */
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
 * As the console of Secrets Manager makes them by default: `{"secret":"…"}`. A number may well be a
 * secret.
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
 * HS256. The current secret is read every five minutes; while it cannot be read, what was read last
 * stands. Once a token does not fit, the previous one is looked at too, and the current one anew:
 * so a rotation locks nobody out, on either side of it.
 *
 * A current secret that is unfit is a fault, and told as one; until it is mended what was read last
 * stands for the tokens that fit it. An unfit previous one verifies nothing.
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

  /** Not at every connect, while it fails. */
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
