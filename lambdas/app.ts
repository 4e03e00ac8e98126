/** Puts the Lambdas together: the only place that creates AWS clients and reads the clock. */
import { randomFillSync } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { jwksKeys, secretKeys } from './auth/keys.ts';
import { createVerifyToken, type VerifyToken } from './auth/verify-token.ts';
import type { App } from './domain/app.ts';
import type { Clock, Ids } from './domain/ports.ts';
import type { AuthEnv, Env } from './env.ts';
import { createGateway } from './gateway/gateway.ts';
import { createLogger } from './logger.ts';
import { messageTypes } from './message-types.ts';
import { createConnectionStore } from './store/connection-store.ts';
import { createDeviceStore } from './store/device-store.ts';
import { createMessageLog } from './store/message-log.ts';
import { uuidv7 } from './uuidv7.ts';

/** An unanswered call is given up early enough for a retry within the invocation; by default the SDK only warns. */
const HTTP_TIMEOUTS = { connectionTimeout: 1000, requestTimeout: 3000, throwOnRequestTimeout: true };

const clock: Clock = {
  now: Date.now,
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

const ids: Ids = {
  next: () => uuidv7(Date.now(), randomFillSync(new Uint8Array(10))),
  random: Math.random,
};

/** `lambda`: its name in the logs. */
export function createApp(lambda: string, { tables, settings }: Env): App {
  const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient({ requestHandler: HTTP_TIMEOUTS }), {
    marshallOptions: { removeUndefinedValues: true },
  });
  const logger = createLogger(lambda);
  return {
    connections: createConnectionStore(dynamodb, tables.connections, clock.now),
    devices: createDeviceStore(dynamodb, tables.devices, clock.now),
    log: createMessageLog(dynamodb, tables),
    gateway: createGateway(logger),
    clock,
    ids,
    logger,
    settings,
    types: messageTypes,
  };
}

export function createTokenVerifier({ keys, issuer, audience }: AuthEnv): VerifyToken {
  return createVerifyToken('jwksUrl' in keys ? jwksKeys(keys.jwksUrl) : secretOf(keys.secretArn), {
    issuer,
    audience,
  });
}

function secretOf(secretArn: string) {
  const secrets = new SecretsManagerClient({ requestHandler: HTTP_TIMEOUTS });
  return secretKeys(async () => {
    const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: secretArn }));
    if (!SecretString) throw new Error(`${secretArn} holds no text`);
    return SecretString;
  });
}
