/**
 * The only reader of the environment. A setting that is missing or wrong stops the Lambda as it
 * starts, by its name.
 */
import type { TableNames } from './adapters/dynamodb/tables.ts';
import type { Access } from './aws/signature.ts';
import {
  MAX_FAN_OUT_PAGE,
  MAX_FAN_OUT_RATE,
  MAX_OFFLINE_AFTER_SECONDS,
  MAX_PENDING_SOCKETS,
  type PendingLimits,
  type Settings,
} from './domain/settings.ts';
import { LOG_LEVELS, type LoggerOptions, type LogLevel } from './logger.ts';
import {
  MAX_RETENTION_SECONDS,
  MAX_SUBSCRIPTIONS,
  MAX_TOKEN_LIFETIME_SECONDS,
  MIN_RETENTION_SECONDS,
  MIN_TOKEN_LIFETIME_SECONDS,
} from './protocol/limits.ts';

/** What the Lambdas that keep state need: all but the authorizer. */
export type AppVar =
  | 'CONNECTIONS_TABLE'
  | 'DEVICES_TABLE'
  | 'MESSAGES_TABLE'
  | 'PUBLISHES_TABLE'
  | 'SUBSCRIPTIONS_TABLE'
  | 'MEMBERS_TABLE'
  | 'CURSORS_TABLE'
  | 'OUTBOX_TABLE'
  | 'PRESENCE_TABLE'
  | 'RECONCILE_QUEUE_URL'
  | 'FAN_OUT_QUEUE_URL'
  | 'OUTBOX_QUEUE_URL'
  | 'LATER_QUEUE_URL'
  | 'OUTBOX_DEAD_LETTERS_URL'
  | 'EVENT_BUS_NAME'
  | 'CALLBACK_URL'
  | 'MAX_CONNECTIONS_PER_USER'
  | 'MAX_DEVICES_PER_USER'
  | 'FRAME_RATE'
  | 'MAX_SUBSCRIPTIONS'
  | 'EVERYONE'
  | 'OPEN_TOPICS'
  | 'FAN_OUT_PAGE'
  | 'FAN_OUT_RATE'
  | 'APP_MESSAGES'
  | 'EVENTS'
  | 'OFFLINE_AFTER_SECONDS'
  | 'DEFAULT_RETENTION_SECONDS'
  | 'CLOSED_TYPES'
  | 'LOG_SAMPLING';

/**
 * What the authorizer needs. Exactly one of `JWT_SECRET_ARN` and `JWKS_URL`; the others may be left
 * out.
 */
export type AuthVar =
  | 'JWT_SECRET_ARN'
  | 'JWKS_URL'
  | 'JWT_ISSUER'
  | 'JWT_AUDIENCE'
  | 'MAX_TOKEN_LIFETIME_SECONDS'
  | 'PERMISSIONS_CLAIM'
  | 'ALLOWED_ORIGINS';

/** Whether clients of STOMP are served; without the first, the others mean nothing. */
export type StompVar = 'STOMP' | 'MAX_PENDING_PER_ADDRESS' | 'MAX_PENDING';

/** What Lambda itself sets, and what leads calls elsewhere, as on the local stack. */
type AwsVar =
  | 'AWS_REGION'
  | 'AWS_ACCESS_KEY_ID'
  | 'AWS_SECRET_ACCESS_KEY'
  | 'AWS_SESSION_TOKEN'
  | 'AWS_ENDPOINT_URL'
  | 'AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI'
  | 'AWS_ENDPOINT_URL_DYNAMODB'
  | 'AWS_ENDPOINT_URL_EVENTBRIDGE'
  | 'AWS_ENDPOINT_URL_SECRETS_MANAGER'
  | 'AWS_ENDPOINT_URL_SQS'
  | 'AWS_USE_FIPS_ENDPOINT'
  | 'AWS_USE_DUALSTACK_ENDPOINT';

/**
 * Optional: whose metrics they are, where an account has several backends; and what is too little
 * grave to be logged.
 */
export type LogVar = 'BACKEND_NAME' | 'LOG_LEVEL';

const logOf = (vars: Partial<Record<LogVar, string>>): LogEnv => ({
  backend: vars.BACKEND_NAME || undefined,
  level: logLevel(vars.LOG_LEVEL || 'info'),
});

function logLevel(value: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === value);
  if (level === undefined) throw new Error(`LOG_LEVEL is "${value}", expected ${LOG_LEVELS.join(', ')}`);
  return level;
}

type Vars = Record<string, string | undefined>;

/** How a Lambda logs. */
export type LogEnv = Pick<LoggerOptions, 'backend' | 'level'>;

export interface Env {
  tables: TableNames;
  /** Where DynamoDB is. Undefined: where AWS has it. */
  dynamodbEndpoint: string | undefined;
  /** `endpoint`: where SQS is. Undefined: where AWS has it. */
  reconcileQueue: { queueUrl: string; endpoint: string | undefined };
  fanOutQueue: { queueUrl: string; endpoint: string | undefined };
  outboxQueue: { queueUrl: string; endpoint: string | undefined };
  laterQueue: { queueUrl: string; endpoint: string | undefined };
  outboxDeadLetters: { queueUrl: string; endpoint: string | undefined };
  /** Where the application's events go. */
  eventBus: { busName: string; endpoint: string | undefined };
  /** Where posts to connections go. Undefined: to the endpoint on a connection's row. */
  callbackOverride: string | undefined;
  settings: Settings;
  log: LogEnv;
}

export const readEnv = (vars: Vars = process.env): Env => ({
  tables: {
    connections: text(vars, 'CONNECTIONS_TABLE'),
    devices: text(vars, 'DEVICES_TABLE'),
    messages: text(vars, 'MESSAGES_TABLE'),
    publishes: text(vars, 'PUBLISHES_TABLE'),
    subscriptions: text(vars, 'SUBSCRIPTIONS_TABLE'),
    members: text(vars, 'MEMBERS_TABLE'),
    cursors: text(vars, 'CURSORS_TABLE'),
    outbox: text(vars, 'OUTBOX_TABLE'),
    presence: text(vars, 'PRESENCE_TABLE'),
  },
  dynamodbEndpoint: endpointOf(vars, 'AWS_ENDPOINT_URL_DYNAMODB'),
  reconcileQueue: queue(vars, 'RECONCILE_QUEUE_URL'),
  fanOutQueue: queue(vars, 'FAN_OUT_QUEUE_URL'),
  outboxQueue: queue(vars, 'OUTBOX_QUEUE_URL'),
  laterQueue: queue(vars, 'LATER_QUEUE_URL'),
  outboxDeadLetters: queue(vars, 'OUTBOX_DEAD_LETTERS_URL'),
  eventBus: {
    busName: text(vars, 'EVENT_BUS_NAME'),
    endpoint: endpointOf(vars, 'AWS_ENDPOINT_URL_EVENTBRIDGE'),
  },
  callbackOverride: vars.AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI
    ? url(vars, 'AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI')
    : undefined,
  settings: {
    callbackUrl: url(vars, 'CALLBACK_URL'),
    maxConnectionsPerUser: integer(vars, 'MAX_CONNECTIONS_PER_USER', 1, 10_000),
    maxDevicesPerUser: integer(vars, 'MAX_DEVICES_PER_USER', 1, 10_000),
    frameRate: integer(vars, 'FRAME_RATE', 1, 1_000),
    maxSubscriptions: integer(vars, 'MAX_SUBSCRIPTIONS', 1, MAX_SUBSCRIPTIONS),
    everyone: boolean(vars, 'EVERYONE'),
    openTopics: vars.OPEN_TOPICS ? vars.OPEN_TOPICS.split(',') : [],
    fanOutPage: integer(vars, 'FAN_OUT_PAGE', 1, MAX_FAN_OUT_PAGE),
    fanOutRate: integer(vars, 'FAN_OUT_RATE', 1, MAX_FAN_OUT_RATE),
    appMessages: boolean(vars, 'APP_MESSAGES'),
    events: boolean(vars, 'EVENTS'),
    offlineAfterSeconds: integer(vars, 'OFFLINE_AFTER_SECONDS', 1, MAX_OFFLINE_AFTER_SECONDS),
    stomp: isStompOn(vars) ? pendingLimits(vars) : undefined,
    defaultRetentionSeconds: integer(
      vars,
      'DEFAULT_RETENTION_SECONDS',
      MIN_RETENTION_SECONDS,
      MAX_RETENTION_SECONDS,
    ),
    closedTypes: boolean(vars, 'CLOSED_TYPES'),
    logSampling: integer(vars, 'LOG_SAMPLING', 0, 100),
  },
  log: logOf(vars),
});

const isStompOn = (vars: Vars): boolean => vars.STOMP === 'true';

const pendingLimits = (vars: Vars): PendingLimits => ({
  perAddress: integer(vars, 'MAX_PENDING_PER_ADDRESS', 1, MAX_PENDING_SOCKETS),
  inAll: integer(vars, 'MAX_PENDING', 1, MAX_PENDING_SOCKETS),
});

export interface AuthEnv {
  /** HS256 with the secret of this ARN, or RS256 and ES256 with the keys at this URL. */
  keys: { secretArn: string; endpoint: string | undefined } | { jwksUrl: string };
  issuer: string | undefined;
  audience: string | undefined;
  /** Undefined: any. */
  maxLifetimeSeconds: number | undefined;
  /** The claim of a token that holds its permissions. Undefined: the usual one. */
  permissionsClaim: string | undefined;
  /** Undefined: any. Requests without an `Origin` are no browser's and always pass. */
  allowedOrigins: string[] | undefined;
  /** Clients of STOMP are let in without a token. */
  stomp: boolean | undefined;
  log: LogEnv;
}

export function readAuthEnv(vars: Vars = process.env): AuthEnv {
  if (!vars.JWT_SECRET_ARN === !vars.JWKS_URL) throw new Error('Set either JWT_SECRET_ARN or JWKS_URL');
  return {
    keys: vars.JWKS_URL
      ? { jwksUrl: url(vars, 'JWKS_URL') }
      : {
          secretArn: text(vars, 'JWT_SECRET_ARN'),
          endpoint: endpointOf(vars, 'AWS_ENDPOINT_URL_SECRETS_MANAGER'),
        },
    issuer: vars.JWT_ISSUER || undefined,
    audience: vars.JWT_AUDIENCE || undefined,
    maxLifetimeSeconds: vars.MAX_TOKEN_LIFETIME_SECONDS
      ? integer(vars, 'MAX_TOKEN_LIFETIME_SECONDS', MIN_TOKEN_LIFETIME_SECONDS, MAX_TOKEN_LIFETIME_SECONDS)
      : undefined,
    permissionsClaim: vars.PERMISSIONS_CLAIM || undefined,
    allowedOrigins: vars.ALLOWED_ORIGINS
      ? vars.ALLOWED_ORIGINS.split(',').map((origin) => origin.trim())
      : undefined,
    stomp: isStompOn(vars) || undefined,
    log: logOf(vars),
  };
}

const queue = (vars: Vars, name: AppVar) => ({
  queueUrl: url(vars, name),
  endpoint: endpointOf(vars, 'AWS_ENDPOINT_URL_SQS'),
});

/** A service's own, else the one for all services. Undefined: the usual one of the region. */
function endpointOf(vars: Vars, own: AwsVar): string | undefined {
  const named = [own, 'AWS_ENDPOINT_URL' as const].find((name) => vars[name]);
  if (named) return url(vars, named);
  for (const unusual of ['AWS_USE_FIPS_ENDPOINT', 'AWS_USE_DUALSTACK_ENDPOINT'] satisfies AwsVar[]) {
    if (vars[unusual] === 'true')
      throw new Error(`${unusual} is "true": set ${own} to that endpoint instead`);
  }
  return undefined;
}

/** Under whose name Lambda lets us call; it may change between two invocations. */
export const readAccess = (vars: Vars = process.env): Access => ({
  region: text(vars, 'AWS_REGION'),
  accessKeyId: text(vars, 'AWS_ACCESS_KEY_ID'),
  secretAccessKey: text(vars, 'AWS_SECRET_ACCESS_KEY'),
  sessionToken: vars.AWS_SESSION_TOKEN || undefined,
});

function text(vars: Vars, name: AppVar | AuthVar | AwsVar | StompVar): string {
  const value = vars[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

function url(vars: Vars, name: AppVar | AuthVar | AwsVar): string {
  const value = text(vars, name);
  if (/^https?:\/\//.test(value) && URL.canParse(value)) return value;
  throw new Error(`${name} is "${value}", expected an http or https URL`);
}

function integer(vars: Vars, name: AppVar | AuthVar | StompVar, min: number, max: number): number {
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
