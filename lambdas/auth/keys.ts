/** The keys that tokens are verified with, and the plain case of them: a shared secret, in its current and its previous version. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Algorithm } from 'jsonwebtoken';
import { createBudget } from './budget.ts';

/** A key made once verifies several times faster than its text. */
export interface TokenKeys {
  /** The only algorithms accepted: a token's own header must never choose. */
  algorithms: Algorithm[];
  /**
   * Those that the token may be signed with, the likeliest first. `kid`: of the token's header. None: no such key. Rejects when
   * the keys cannot be had at the moment.
   */
  find(kid: string | undefined): Promise<KeyObject[]>;
  /** Those after another look, because none of the first fits. Absent: they would be the same. */
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

interface Kept {
  keys: KeyObject[];
  versions: readonly SecretVersion[];
  readAt: number;
}

/**
 * HS256. The current secret is read every five minutes; while it cannot be read, what was read last stands. Once a token does not fit,
 * the previous one is looked at too, and the current one anew: so a rotation locks nobody out, on either side of it.
 */
export function secretKeys(readSecret: ReadSecret, now: () => number = Date.now): TokenKeys {
  const mayLook = createBudget(LOOKS_AT_ONCE, LOOK_PACE_MS, now);
  let kept: Kept | undefined;

  const read = async (versions: readonly SecretVersion[]): Promise<KeyObject[]> => {
    const texts = await Promise.all(versions.map(readSecret));
    if (texts[0] === undefined) throw new Error('the secret has no current version');
    const keys = texts.flatMap((text) => (text === undefined ? [] : [createSecretKey(text, 'utf8')]));
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
      if (last && !mayLook()) return last.keys;
      const again = read(SECRET_VERSIONS);
      return last ? await again.catch(() => last.keys) : await again;
    },
  };
}
