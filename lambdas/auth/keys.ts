/** The keys that tokens are verified with: a shared secret, or the public keys of an issuer. */
import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import type { Algorithm } from 'jsonwebtoken';
import { JwksClient } from 'jwks-rsa';

/** A key made once verifies several times faster than its text. */
export interface TokenKeys {
  /** The only algorithms accepted: a token's own header must never choose. */
  algorithms: Algorithm[];
  /** `kid`: of the token's header. Undefined: no such key. Rejects when the keys cannot be had at the moment. */
  find(kid: string | undefined): Promise<KeyObject | undefined>;
}

const SECRET_KEPT_MS = 5 * 60_000;
const JWKS_TIMEOUT_MS = 5000;

/** HS256 with one secret, read again every five minutes; while it cannot be read, the last one stands. */
export function secretKeys(readSecret: () => Promise<string>, now: () => number = Date.now): TokenKeys {
  let kept: { key: KeyObject; readAt: number } | undefined;
  return {
    algorithms: ['HS256'],
    async find() {
      if (kept && now() - kept.readAt < SECRET_KEPT_MS) return kept.key;
      try {
        kept = { key: createSecretKey(await readSecret(), 'utf8'), readAt: now() };
      } catch (error) {
        if (!kept) throw error;
        kept.readAt = now(); // not at every connect
      }
      return kept.key;
    },
  };
}

/** The client's own way of fetching waits for ever when the answer breaks off. */
async function fetchKeys(jwksUri: string): Promise<{ keys: unknown }> {
  const response = await fetch(jwksUri, { redirect: 'error', signal: AbortSignal.timeout(JWKS_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${jwksUri} answered ${response.status}`);
  return (await response.json()) as { keys: unknown };
}

/** RS256 or ES256 with the keys an issuer publishes, each fetched when it is first needed and kept for ten minutes. */
export function jwksKeys(jwksUri: string): TokenKeys {
  const client = new JwksClient({
    jwksUri,
    cache: true,
    cacheMaxAge: 10 * 60_000,
    rateLimit: true,
    jwksRequestsPerMinute: 10,
    fetcher: fetchKeys,
  });
  return {
    algorithms: ['RS256', 'ES256'],
    async find(kid) {
      try {
        return createPublicKey((await client.getSigningKey(kid)).getPublicKey());
      } catch (error) {
        if (error instanceof Error && error.name === 'SigningKeyNotFoundError') return undefined;
        throw error;
      }
    },
  };
}
