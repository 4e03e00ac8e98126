/** Tokens that need no cryptography: who, until when, and a mark that must show up in no log line. */
import { TokenError, type VerifyToken } from '../../../lambdas/auth/verify-token.ts';
import type { Permissions } from '../../../lambdas/protocol/permissions.ts';

export const SECRET_MARK = 'SeCrEt';

/** `permissions`: the claim that says what the token's user may do besides. */
export const tokenOf = (userId: string, expiresAt: number, permissions: Permissions): string =>
  `${userId}.${expiresAt}.${SECRET_MARK}.${Buffer.from(JSON.stringify(permissions)).toString('base64url')}`;

export const verifyToken =
  (now: () => number): VerifyToken =>
  async (token) => {
    const [userId = '', expiry = '', mark, claim = ''] = token.split('.');
    const tokenExpiresAt = Number(expiry);
    if (mark !== SECRET_MARK) throw new TokenError('not one of ours');
    if (tokenExpiresAt <= now()) throw new TokenError('expired');
    return { userId, tokenExpiresAt, permissions: JSON.parse(Buffer.from(claim, 'base64url').toString()) };
  };

export const forgedToken = (userId: string, expiresAt: number): string =>
  `${userId}.${expiresAt}.forged-${SECRET_MARK}`;
