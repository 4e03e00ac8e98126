/** The Lambda `authorizer` as it is deployed. */
import { createAuthorizerApp } from '../authorizer-app.ts';
import { readAuthEnv } from '../env.ts';
import { createAuthorizerHandler } from '../handlers/authorizer.ts';

export const handler = createAuthorizerHandler(createAuthorizerApp('authorizer', readAuthEnv()));
