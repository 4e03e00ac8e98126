/** Puts the authorizer together, apart from `app.ts`: it starts with none of what the other Lambdas need. */
import { createSecretReader } from '../aws/secret.ts';
import { type AuthEnv, readAccess } from '../env.ts';
import { jwksKeys } from './jwks-keys.ts';
import { secretKeys } from './keys.ts';
import { createVerifyToken, type VerifyToken } from './verify-token.ts';

export function createTokenVerifier({ keys, issuer, audience }: AuthEnv): VerifyToken {
  return createVerifyToken('jwksUrl' in keys ? jwksKeys(keys.jwksUrl) : secretOf(keys), { issuer, audience });
}

const secretOf = ({ secretArn, endpoint }: { secretArn: string; endpoint: string | undefined }) =>
  secretKeys(createSecretReader({ secretId: secretArn, endpoint, readAccess }));
