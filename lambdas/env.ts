/** The only reader of the environment. A setting that is missing or wrong stops the Lambda as it starts, by its name. */
import type { Settings } from './domain/settings.ts';
import { MAX_RETENTION_SECONDS, MIN_RETENTION_SECONDS } from './protocol/limits.ts';

/** What the Lambdas that keep state need: all but the authorizer. */
export type AppVar =
  | 'CONNECTIONS_TABLE'
  | 'DEVICES_TABLE'
  | 'MESSAGES_TABLE'
  | 'PUBLISHES_TABLE'
  | 'CALLBACK_URL'
  | 'MAX_CONNECTIONS_PER_USER'
  | 'DEFAULT_RETENTION_SECONDS'
  | 'CLOSED_TYPES';

/** What the authorizer needs. Exactly one of `JWT_SECRET_ARN` and `JWKS_URL`; the others may be left out. */
export type AuthVar = 'JWT_SECRET_ARN' | 'JWKS_URL' | 'JWT_ISSUER' | 'JWT_AUDIENCE' | 'ALLOWED_ORIGINS';

type Vars = Record<string, string | undefined>;

export interface Env {
  tables: { connections: string; devices: string; messages: string; publishes: string };
  settings: Settings;
}

export const readEnv = (vars: Vars = process.env): Env => ({
  tables: {
    connections: text(vars, 'CONNECTIONS_TABLE'),
    devices: text(vars, 'DEVICES_TABLE'),
    messages: text(vars, 'MESSAGES_TABLE'),
    publishes: text(vars, 'PUBLISHES_TABLE'),
  },
  settings: {
    callbackUrl: url(vars, 'CALLBACK_URL'),
    maxConnectionsPerUser: integer(vars, 'MAX_CONNECTIONS_PER_USER', 1, 10_000),
    defaultRetentionSeconds: integer(
      vars,
      'DEFAULT_RETENTION_SECONDS',
      MIN_RETENTION_SECONDS,
      MAX_RETENTION_SECONDS,
    ),
    closedTypes: boolean(vars, 'CLOSED_TYPES'),
  },
});

export interface AuthEnv {
  /** HS256 with the secret of this ARN, or RS256 and ES256 with the keys at this URL. */
  keys: { secretArn: string } | { jwksUrl: string };
  issuer: string | undefined;
  audience: string | undefined;
  /** Undefined: any. Requests without an `Origin` are no browser's and always pass. */
  allowedOrigins: string[] | undefined;
}

export function readAuthEnv(vars: Vars = process.env): AuthEnv {
  if (!vars.JWT_SECRET_ARN === !vars.JWKS_URL) throw new Error('Set either JWT_SECRET_ARN or JWKS_URL');
  return {
    keys: vars.JWKS_URL ? { jwksUrl: url(vars, 'JWKS_URL') } : { secretArn: text(vars, 'JWT_SECRET_ARN') },
    issuer: vars.JWT_ISSUER || undefined,
    audience: vars.JWT_AUDIENCE || undefined,
    allowedOrigins: vars.ALLOWED_ORIGINS
      ? vars.ALLOWED_ORIGINS.split(',').map((origin) => origin.trim())
      : undefined,
  };
}

function text(vars: Vars, name: AppVar | AuthVar): string {
  const value = vars[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

function url(vars: Vars, name: AppVar | AuthVar): string {
  const value = text(vars, name);
  if (/^https?:\/\//.test(value) && URL.canParse(value)) return value;
  throw new Error(`${name} is "${value}", expected an http or https URL`);
}

function integer(vars: Vars, name: AppVar, min: number, max: number): number {
  const value = text(vars, name);
  const number = Number(value);
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw new Error(`${name} is "${value}", expected an integer from ${min} to ${max}`);
}

function boolean(vars: Vars, name: AppVar): boolean {
  const value = text(vars, name);
  if (value !== 'true' && value !== 'false') throw new Error(`${name} is "${value}", expected true or false`);
  return value === 'true';
}
