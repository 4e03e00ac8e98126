/** RS256 and ES256 with the public keys an issuer publishes as a JSON Web Key Set (RFC 7517). */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { createBudget } from './budget.ts';
import type { TokenKeys } from './keys.ts';

const KEPT_MS = 10 * 60_000;
/**
 * Anybody can name keys that do not exist. Each fetch brings all that do, so that a good key nobody named before is found by the next,
 * whoever caused it.
 */
const FETCHES_AT_ONCE = 5;
const FETCH_PACE_MS = 10_000;
/** From the connection to the last byte; shorter than the authorizer's time limit. */
const FETCH_MS = 6000;
/** Hundreds of times what issuers publish: whoever answers in their place must not fill the memory. */
const MAX_BYTES = 1024 * 1024;

/** The keys with an id by it, and those without. */
interface KeySet {
  byId: ReadonlyMap<string, KeyObject>;
  all: readonly KeyObject[];
}

/**
 * Fetched when first needed and every ten minutes; an unknown key is looked for anew. While they cannot be fetched, those
 * fetched last stand.
 */
export function jwksKeys(jwksUrl: string, now: () => number = Date.now, fetchMs = FETCH_MS): TokenKeys {
  const mayFetch = createBudget(FETCHES_AT_ONCE, FETCH_PACE_MS, now);
  let kept: { keys: KeySet; fetchedAt: number } | undefined;
  let underWay: Promise<KeySet> | undefined;

  /** Connects that come at once share one fetch. */
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
    async find(kid) {
      const known = kept ? pick(kept.keys, kid) : [];
      const isFresh = kept !== undefined && now() - kept.fetchedAt < KEPT_MS;
      if (isFresh && known.length > 0) return known;
      if (underWay === undefined && !mayFetch()) {
        if (kept) return known;
        throw new Error(`${jwksUrl} was asked for keys too often`);
      }
      try {
        return pick(await refresh(), kid);
      } catch (error) {
        if (known.length > 0) return known;
        throw error;
      }
    },
  };
}

/** A token that names no key fits only where there is no choice. */
function pick({ byId, all }: KeySet, kid: string | undefined): KeyObject[] {
  if (kid === undefined) return all.length === 1 ? [...all] : [];
  const key = byId.get(kid);
  return key ? [key] : [];
}

/** Its errors do not quote what came: whatever it is, it is not ours to tell. */
async function fetchKeySet(jwksUrl: string, fetchMs: number): Promise<KeySet> {
  const response = await fetch(jwksUrl, { redirect: 'manual', signal: AbortSignal.timeout(fetchMs) });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`${jwksUrl} answered ${response.status}`);
  }
  return keySetOf(await textOf(response, jwksUrl), jwksUrl);
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

function keySetOf(text: string, jwksUrl: string): KeySet {
  const usable = keysIn(text).flatMap(toVerifyingKey);
  if (usable.length === 0) throw new Error(`${jwksUrl} holds no key that signs`);
  const byId = usable.flatMap(({ kid, key }) => (typeof kid === 'string' ? [[kid, key] as const] : []));
  return { byId: new Map(byId), all: usable.map(({ key }) => key) };
}

function keysIn(text: string): (JsonWebKey | null)[] {
  try {
    const { keys }: { keys?: unknown } = JSON.parse(text) ?? {};
    return Array.isArray(keys) ? keys : [];
  } catch {
    return [];
  }
}

/** None for a key that encrypts, or of a kind that Node cannot read: it must not take the others with it. */
function toVerifyingKey(jwk: JsonWebKey | null): { kid: unknown; key: KeyObject }[] {
  if (typeof jwk !== 'object' || jwk === null || (jwk.use !== undefined && jwk.use !== 'sig')) return [];
  if (jwk.kty !== 'RSA' && jwk.kty !== 'EC') return [];
  try {
    return [{ kid: jwk.kid, key: createPublicKey({ key: jwk, format: 'jwk' }) }];
  } catch {
    return []; // the issuer's other keys are as good as before
  }
}
