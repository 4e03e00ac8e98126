/** The environment of the Lambdas on the local stack. Nothing in it lets a call reach a real AWS account. */
import type { AppVar, AuthVar } from '../lambdas/env.ts';
import { DEFAULT_RETENTION_SECONDS } from '../lambdas/protocol/limits.ts';
import type { TableNames } from '../lambdas/store/tables.ts';
import { STAGE } from './gateway/settings.ts';
import { REGION } from './lambdas.ts';
import { secretArn } from './services/json-services.ts';

export const TABLE_NAMES: TableNames = {
  connections: 'herald-connections',
  devices: 'herald-devices',
  messages: 'herald-messages',
  publishes: 'herald-publishes',
};

export const JWT_SECRET_NAME = 'herald-jwt-secret';

const DEFAULT_MAX_CONNECTIONS_PER_USER = 10;

const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };

type LambdaVars = Record<AppVar | 'JWT_SECRET_ARN', string>;

/** `httpUrl`: where API Gateway, Secrets Manager and the other services are; `dynamodbUrl`: where the tables are. */
export function lambdaEnvironment(httpUrl: string, dynamodbUrl: string): Record<string, string> {
  const vars: LambdaVars = {
    CONNECTIONS_TABLE: TABLE_NAMES.connections,
    DEVICES_TABLE: TABLE_NAMES.devices,
    MESSAGES_TABLE: TABLE_NAMES.messages,
    PUBLISHES_TABLE: TABLE_NAMES.publishes,
    CALLBACK_URL: `${httpUrl}/${STAGE}`,
    MAX_CONNECTIONS_PER_USER:
      process.env.HERALD_MAX_CONNECTIONS_PER_USER || String(DEFAULT_MAX_CONNECTIONS_PER_USER),
    DEFAULT_RETENTION_SECONDS: String(DEFAULT_RETENTION_SECONDS),
    CLOSED_TYPES: 'false',
    JWT_SECRET_ARN: secretArn(JWT_SECRET_NAME),
  };
  return { ...vars, ...serviceEnvironment(httpUrl, dynamodbUrl) };
}

/** The part of it that Lambda would give, and where the services are. */
export const serviceEnvironment = (httpUrl: string, dynamodbUrl: string): Record<string, string> => ({
  ...CREDENTIALS,
  AWS_REGION: REGION,
  AWS_DEFAULT_REGION: REGION,
  AWS_ENDPOINT_URL: httpUrl,
  AWS_ENDPOINT_URL_DYNAMODB: dynamodbUrl,
});

const AUTH_VARS: AuthVar[] = ['JWKS_URL', 'JWT_ISSUER', 'JWT_AUDIENCE', 'ALLOWED_ORIGINS'];

/** Settings of the person's own account and shell that would win over ours. */
const UNWANTED = ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS', ...AUTH_VARS];

/** Makes it this process's environment; the Lambdas that run here read it. Returns how to undo that. */
export function applyEnvironment(vars: Record<string, string>): () => void {
  const before = { ...process.env };
  const names = Object.keys(process.env);
  for (const name of [...UNWANTED, ...names.filter((name) => name.startsWith('AWS_ENDPOINT_URL'))]) {
    delete process.env[name];
  }
  Object.assign(process.env, vars);
  return () => {
    for (const name of Object.keys(vars)) delete process.env[name];
    Object.assign(process.env, before);
  };
}
