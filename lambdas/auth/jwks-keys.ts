/** RS256 and ES256 with the public keys an issuer publishes as a JSON Web Key Set (RFC 7517). */
import { createTokenBucket } from '../domain/token-bucket.ts';
import { findKeys, type KeySet, parseKeySet } from './key-set.ts';
import type { TokenKeys } from './keys.ts';

const KEPT_MS = 10 * 60_000;
/**
 * A token bucket for fetches, because any client can send a token whose key id does not exist. Each
 * fetch brings all keys of the issuer, so a new good key is found by the next fetch, no matter
 * whose token caused it.
 */
const FETCHES_AT_ONCE = 5;
const FETCH_PACE_MS = 10_000;
/** From connecting to the last byte; shorter than the authorizer's time limit. */
const FETCH_MS = 6000;
/**
 * Hundreds of times what issuers publish. Without a limit, a wrong server behind the URL could fill
 * the memory.
 */
const MAX_BYTES = 1024 * 1024;

/**
 * Fetches the key set when a token first needs it, again after ten minutes, and when a token names
 * an unknown key. While fetching fails, the keys of the last fetch remain in use.
 */
export function jwksKeys(jwksUrl: string, now: () => number = Date.now, fetchMs = FETCH_MS): TokenKeys {
  const fetches = createTokenBucket({ burst: FETCHES_AT_ONCE, paceMs: FETCH_PACE_MS, now });
  let kept: { keys: KeySet; fetchedAt: number } | undefined;
  let underWay: Promise<KeySet> | undefined;

  /** Handshakes that arrive at the same time share one fetch. */
  const refresh = async (): Promise<KeySet> => {
    underWay ??= fetchKeySet(jwksUrl, fetchMs).finally(() => {
      underWay = undefined;
    });
    const keys = await underWay;
    kept = { keys, fetchedAt: now() };
    return keys;
  };

  return {
    algorithms: ['RS256', 'ES256'],
    async find(kid, algorithm) {
      const known = kept ? findKeys(kept.keys, kid, algorithm) : [];
      const isFresh = kept !== undefined && now() - kept.fetchedAt < KEPT_MS;
      if (isFresh && known.length > 0) return known;
      if (underWay === undefined && !fetches.take()) {
        if (kept) return known;
        throw new Error(`${jwksUrl} was asked for keys too often`);
      }
      try {
        return findKeys(await refresh(), kid, algorithm);
      } catch (error) {
        if (known.length > 0) return known;
        throw error;
      }
    },
  };
}

/** The errors do not quote the answer: it may hold what must not reach the logs. */
async function fetchKeySet(jwksUrl: string, fetchMs: number): Promise<KeySet> {
  const response = await fetch(jwksUrl, { redirect: 'manual', signal: AbortSignal.timeout(fetchMs) });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`${jwksUrl} answered ${response.status}`);
  }
  return parseKeySet(await textOf(response, jwksUrl), jwksUrl);
}

async function textOf(response: Response, jwksUrl: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    if (bytes > MAX_BYTES) throw new Error(`${jwksUrl} answered more than ${MAX_BYTES} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}
