/**
 * Puts the authorizer together. Apart from `app.ts`, so that a handshake loads none of what the
 * other Lambdas need.
 */
import { jwksKeys } from './auth/jwks-keys.ts';
import { secretKeys, type TokenKeys } from './auth/keys.ts';
import { createVerifyToken, type VerifyToken } from './auth/verify-token.ts';
import { createSecretReader } from './aws/secret.ts';
import type { Logger } from './domain/ports/logger.ts';
import { type AuthEnv, readAccess } from './env.ts';
import { createLogger } from './logger.ts';

/** Everything the authorizer may touch. */
export interface AuthorizerApp {
  verify: VerifyToken;
  /** Undefined: any. A request without `Origin` is no browser's and passes. */
  allowedOrigins: string[] | undefined;
  /** Clients of STOMP are let in without a token. */
  stomp?: boolean | undefined;
  logger: Logger;
}

/** `lambda`: its name in the logs. */
export function createAuthorizerApp(lambda: string, env: AuthEnv): AuthorizerApp {
  const { keys, allowedOrigins, stomp, log, ...rules } = env;
  return {
    verify: createVerifyToken(tokenKeys(keys), rules),
    allowedOrigins,
    stomp,
    logger: createLogger(lambda, log),
  };
}

function tokenKeys(keys: AuthEnv['keys']): TokenKeys {
  if ('jwksUrl' in keys) return jwksKeys(keys.jwksUrl);
  const { secretArn: secretId, endpoint } = keys;
  return secretKeys(createSecretReader({ secretId, endpoint, readAccess }));
}
