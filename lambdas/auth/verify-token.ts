/** Verifies a client's JWT: signature, algorithm, times, issuer, audience, subject. */
import type { KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { DEFAULT_PERMISSIONS_CLAIM } from '../protocol/limits.ts';
import { isUserId } from '../protocol/names.ts';
import type { TokenKeys } from './keys.ts';

/** The token is invalid or has expired. The message says why and never quotes the token. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
}

export interface Identity {
  userId: string;
  tokenExpiresAt: number;
  /** The value of the permissions claim, not checked yet. Undefined: the token has none. */
  permissions: unknown;
}

export interface TokenRules {
  /** Required `iss`. Default: any. */
  issuer?: string | undefined;
  /** Required `aud`. Default: any. */
  audience?: string | undefined;
  /** Longest time from `iat` (without it: from now) to `exp`. Default: any. */
  maxLifetimeSeconds?: number | undefined;
  /** Name of the claim that holds the permissions. Default: {@link DEFAULT_PERMISSIONS_CLAIM}. */
  permissionsClaim?: string | undefined;
}

/** How far `nbf` may lie in the future: the issuer's clock may be ahead of ours. */
const NOT_BEFORE_LEEWAY_SECONDS = 30;

export type VerifyToken = (token: string) => Promise<Identity>;

/**
 * Makes the function that verifies tokens. It rejects with a {@link TokenError} for a bad token,
 * and with another error when the keys cannot be read or fetched.
 */
export const createVerifyToken =
  (keys: TokenKeys, rules: TokenRules): VerifyToken =>
  async (token) => {
    const header = headerOf(token);
    if (!header) throw new TokenError('not a JWT');
    const algorithm = keys.algorithms.find((accepted) => accepted === header.alg);
    if (!algorithm) throw new TokenError(`algorithm is not ${keys.algorithms.join(' or ')}`);
    // RFC 7515, section 4.1.11: an extension that is critical and not understood makes the token
    // invalid. We understand no extension.
    if (header.crit !== undefined) throw new TokenError('crit: expected none');
    const { issuer, audience } = rules;
    const options = { algorithms: keys.algorithms, issuer, audience, ignoreNotBefore: true };
    const candidates = await keys.find(header.kid, algorithm);
    if (candidates.length === 0) throw new TokenError('signed with an unknown key');
    const claims =
      verifiedByOne(token, candidates, options) ??
      verifiedByOne(token, (await keys.lookAgain?.()) ?? [], options);
    if (claims === undefined) throw new TokenError(WRONG_KEY);
    return identityOf(claims, rules);
  };

/** Undefined: not a JWT. `decode` throws an error that quotes the payload, if that is not JSON. */
function headerOf(token: string): jwt.JwtHeader | undefined {
  try {
    return jwt.decode(token, { complete: true })?.header;
  } catch {
    return undefined;
  }
}

/**
 * The message of `jsonwebtoken` when another key signed the token. It checks the claims only after
 * the signature, so no other message can hide this one.
 */
const WRONG_KEY = 'invalid signature';

/** Undefined: none of the keys signed the token. */
function verifiedByOne(
  token: string,
  keys: KeyObject[],
  options: jwt.VerifyOptions,
): string | jwt.JwtPayload | undefined {
  for (const key of keys) {
    try {
      return jwt.verify(token, key, options);
    } catch (error) {
      const message = error instanceof Error ? error.message : 'invalid';
      if (message !== WRONG_KEY) throw new TokenError(message, { cause: error });
    }
  }
  return undefined;
}

function identityOf(
  claims: string | jwt.JwtPayload,
  { maxLifetimeSeconds, permissionsClaim = DEFAULT_PERMISSIONS_CLAIM }: TokenRules,
): Identity {
  if (typeof claims === 'string') throw new TokenError('its payload is not a JSON object');
  const { sub, exp } = claims;
  if (!isUserId(sub)) throw new TokenError('sub: expected a user id');
  if (exp === undefined) throw new TokenError('exp is missing');
  checkTimes({ ...claims, exp }, Date.now() / 1000, maxLifetimeSeconds);
  const tokenExpiresAt = Math.min(Math.floor(exp * 1000), Number.MAX_SAFE_INTEGER);
  return { userId: sub, tokenExpiresAt, permissions: claims[permissionsClaim] };
}

/** `jsonwebtoken` has checked already that the token has not expired. `now`: in seconds. */
function checkTimes(
  { exp, nbf, iat }: jwt.JwtPayload & { exp: number },
  now: number,
  maxLifetimeSeconds = Number.POSITIVE_INFINITY,
): void {
  if (nbf !== undefined && !Number.isFinite(nbf)) throw new TokenError('nbf: expected a number');
  if (nbf !== undefined && nbf > now + NOT_BEFORE_LEEWAY_SECONDS) throw new TokenError('not active yet');
  // Without `min`, a token with an `iat` in the future could live longer than allowed.
  const issuedAt = typeof iat === 'number' ? Math.min(iat, now) : now;
  if (exp - issuedAt > maxLifetimeSeconds) throw new TokenError(`lives longer than ${maxLifetimeSeconds} s`);
}
