/** Tokens that need no cryptography: who, until when, and a mark that must show up in no log line. */
import { TokenError, type VerifyToken } from '../../../lambdas/auth/verify-token.ts';

export const SECRET_MARK = 'SeCrEt';

export const tokenOf = (userId: string, expiresAt: number): string => `${userId}.${expiresAt}.${SECRET_MARK}`;

export const verifyToken =
  (now: () => number): VerifyToken =>
  async (token) => {
    const [userId = '', expiry = '', mark] = token.split('.');
    const tokenExpiresAt = Number(expiry);
    if (mark !== SECRET_MARK) throw new TokenError('not one of ours');
    if (tokenExpiresAt <= now()) throw new TokenError('expired');
    return { userId, tokenExpiresAt };
  };

export const forgedToken = (userId: string, expiresAt: number): string =>
  `${userId}.${expiresAt}.forged-${SECRET_MARK}`;
