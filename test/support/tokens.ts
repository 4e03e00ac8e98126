/** Makes tokens, good and forged, without the library that verifies them. */
import { createHmac, type KeyObject, sign } from 'node:crypto';

export const SECRET = 'correct horse battery staple, in 32 bytes or more';

type Part = Record<string, unknown> | string;

export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;
export const goodClaims = () => ({ sub: 'alice', exp: inSeconds(60) });

const encode = (part: Part): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

export const hs = (
  claims: Part,
  { secret = SECRET as string | Buffer, alg = 'HS256', hash = 'sha256', header = {} as object } = {},
): string => {
  const text = `${encode({ alg, typ: 'JWT', ...header })}.${encode(claims)}`;
  return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`;
};

export const signed = (alg: 'RS256' | 'ES256', key: KeyObject, claims: Part, header: object = {}): string => {
  const text = `${encode({ alg, typ: 'JWT', ...header })}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
};

export const unsigned = (claims: Part, header: object = {}): string =>
  `${encode({ alg: 'none', typ: 'JWT', ...header })}.${encode(claims)}.`;
