/**
 * The keys of a JSON Web Key Set (RFC 7517) that tokens may be verified with, and which of them fit
 * a token.
 */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { Algorithm } from 'jsonwebtoken';

/** RFC 7518, section 3.3. Shorter RSA keys have been factored. */
const MIN_RSA_BITS = 2048;

/** A key as the issuer wrote it, not checked yet. */
type Jwk = JsonWebKey & { key_ops?: unknown };

interface VerifyingKey {
  kid: unknown;
  algorithm: Algorithm;
  key: KeyObject;
}

export type KeySet = readonly VerifyingKey[];

/**
 * Throws when the text holds no key that verifies tokens. The error names `source` and does not
 * quote the text.
 */
export function parseKeySet(text: string, source: string): KeySet {
  const usable = keysIn(text).flatMap(toVerifyingKey);
  if (usable.length > 0) return usable;
  throw new Error(
    `${source} holds no key that verifies RS256 (RSA of at least ${MIN_RSA_BITS} bits) or ES256 (P-256)`,
  );
}

function keysIn(text: string): (Jwk | null)[] {
  try {
    const { keys }: { keys?: unknown } = JSON.parse(text) ?? {};
    return Array.isArray(keys) ? keys : [];
  } catch {
    return [];
  }
}

/**
 * All keys that may have signed the token: an issuer may publish several keys of one id. A token
 * without a key id fits only a set of a single key.
 */
export function findKeys(keySet: KeySet, kid: string | undefined, algorithm: Algorithm): KeyObject[] {
  if (kid === undefined && keySet.length > 1) return [];
  return keySet
    .filter((known) => (kid === undefined || known.kid === kid) && known.algorithm === algorithm)
    .map(({ key }) => key);
}

/**
 * Returns an empty list, instead of throwing, for a key that cannot verify tokens:
 * - the issuer means it for another use,
 * - it is too weak,
 * - Node cannot read its kind.
 * So one odd key does not make the issuer's other keys useless.
 */
function toVerifyingKey(jwk: Jwk | null): VerifyingKey[] {
  if (typeof jwk !== 'object' || jwk === null) return [];
  const algorithm = algorithmOf(jwk);
  if (algorithm === undefined || !isForVerifying(jwk)) return [];
  if (jwk.alg !== undefined && jwk.alg !== algorithm) return [];
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    return isStrong(key) ? [{ kid: jwk.kid, algorithm, key }] : [];
  } catch {
    return []; // see above: the other keys remain
  }
}

const algorithmOf = ({ kty, crv }: Jwk): Algorithm | undefined =>
  kty === 'RSA' ? 'RS256' : kty === 'EC' && crv === 'P-256' ? 'ES256' : undefined;

const isForVerifying = ({ use, key_ops: operations }: Jwk): boolean =>
  (use === undefined || use === 'sig') &&
  (operations === undefined || (Array.isArray(operations) && operations.includes('verify')));

const isStrong = ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean =>
  asymmetricKeyType !== 'rsa' || (asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_RSA_BITS;
