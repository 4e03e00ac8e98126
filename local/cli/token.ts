/** Tokens for the local stack: HS256, as an identity provider of your own would issue them. */
import jwt from 'jsonwebtoken';
import { checkSecret } from '../../lambdas/auth/keys.ts';
import { DEFAULT_PERMISSIONS_CLAIM } from '../../lambdas/protocol/limits.ts';

export const DEFAULT_JWT_SECRET = 'herald-local-secret-for-development-only';

/** Throws an error of one line when no stack would take it. */
export const readJwtSecret = (): string =>
  checkSecret('HERALD_JWT_SECRET', process.env.HERALD_JWT_SECRET || DEFAULT_JWT_SECRET);

export const ONE_DAY_SECONDS = 24 * 3600;

export interface TokenClaims {
  /** @default a day */
  lifetimeSeconds?: number | undefined;
  issuer?: string | undefined;
  audience?: string | undefined;
  /** Patterns of channels. @default none */
  permissions?: { subscribe?: string[]; publish?: string[] } | undefined;
  /** The claim that holds the permissions. */
  permissionsClaim?: string | undefined;
}

export const issueToken = (
  userId: string,
  secret: string,
  {
    lifetimeSeconds = ONE_DAY_SECONDS,
    issuer,
    audience,
    permissions,
    permissionsClaim = DEFAULT_PERMISSIONS_CLAIM,
  }: TokenClaims = {},
): string =>
  jwt.sign({ sub: userId, ...(permissions && { [permissionsClaim]: permissions }) }, secret, {
    algorithm: 'HS256',
    expiresIn: lifetimeSeconds,
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
  });
