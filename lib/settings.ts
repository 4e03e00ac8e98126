/**
 * What an operator may set, and the checks that stop an impossible setting at synth, by its name, long before a
 * Lambda would refuse it at run time. Values that CDK knows only at deployment are let through.
 */
import { Duration, RemovalPolicy, Token } from 'aws-cdk-lib';
import type { ThrottleSettings } from 'aws-cdk-lib/aws-apigatewayv2';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import {
  MAX_FAN_OUT_PAGE,
  MAX_FAN_OUT_RATE,
  MAX_OFFLINE_AFTER_SECONDS,
  MAX_PENDING_SOCKETS,
} from '../lambdas/domain/settings.ts';
import { LOG_LEVELS, type LogLevel } from '../lambdas/logger.ts';
import {
  isLambdaName,
  isRouteKey,
  LAMBDA_NAMES,
  type LambdaName,
  ROUTE_KEYS,
  type RouteKey,
} from '../lambdas/manifest.ts';
import {
  DEFAULT_PERMISSIONS_CLAIM,
  DEFAULT_RETENTION_SECONDS,
  MAX_RETENTION_SECONDS,
  MAX_SUBSCRIPTIONS,
  MAX_TOKEN_LIFETIME_SECONDS,
  MIN_RETENTION_SECONDS,
  MIN_TOKEN_LIFETIME_SECONDS,
} from '../lambdas/protocol/limits.ts';
import { isOrigin, ORIGIN_RULE } from '../lambdas/protocol/names.ts';
import { isTopicPattern, TOPIC_PATTERN_RULE } from '../lambdas/protocol/permissions.ts';

/** HS256: whoever holds the secret issues tokens. */
export interface SecretAuth {
  /**
   * The secret, as plain text, at least 32 bytes.
   * @default a new one of 64 characters
   */
  readonly secret?: ISecret;
  readonly jwksUrl?: never;
  /**
   * The `iss` a token must have.
   * @default not checked
   */
  readonly issuer?: string;
  /**
   * The `aud` a token must have.
   * @default not checked
   */
  readonly audience?: string;
  /**
   * Refuse tokens that live longer, from when they were issued (`iat`, or now without it) until they expire. A minute to 365 days.
   * @default any
   */
  readonly maxTokenLifetime?: Duration;
}

/** RS256 and ES256: an identity provider issues the tokens and publishes its keys. */
export interface JwksAuth {
  /** Where the provider publishes its keys; https. */
  readonly jwksUrl: string;
  readonly secret?: never;
  /** The `iss` a token must have. */
  readonly issuer: string;
  /**
   * The `aud` a token must have. Without it, tokens the issuer made for other applications open connections too.
   * @default not checked
   */
  readonly audience?: string;
  /**
   * Refuse tokens that live longer, from when they were issued (`iat`, or now without it) until they expire. A minute to 365 days.
   * @default any
   */
  readonly maxTokenLifetime?: Duration;
}

export type Auth = SecretAuth | JwksAuth;

/** What the Lambdas call DynamoDB and post to connections with: our own clients, or those of the AWS SDK. */
export const AWS_CLIENTS = ['lean', 'sdk'] as const;
export type AwsClient = (typeof AWS_CLIENTS)[number];

/** A setting that cannot work. Its message is one line and begins with the setting's name. */
export class InvalidSetting extends Error {
  override readonly name = 'InvalidSetting';
}

export const MAX_CONNECTIONS_PER_USER = 10_000;
const MAX_DEVICES_PER_USER = 10_000;
const MAX_FRAME_RATE = 1000;

export const DEFAULTS = {
  defaultRetention: Duration.seconds(DEFAULT_RETENTION_SECONDS),
  maxConnectionsPerUser: 10,
  maxDevicesPerUser: 1000,
  frameRate: 10,
  maxSubscriptions: 100,
  everyone: true,
  openTopics: [],
  fanOutPage: 256,
  fanOutRate: 5000,
  appMessages: false,
  events: false,
  offlineAfterSeconds: 30,
  stomp: false,
  maxPendingPerAddress: 20,
  maxPending: 1000,
  permissionsClaim: DEFAULT_PERMISSIONS_CLAIM,
  closedTypes: false,
  logLevel: 'info',
  logSampling: 10,
  awsClient: 'lean',
  stageName: 'prod',
  throttle: { rateLimit: 1000, burstLimit: 500 },
  accountLogRole: false,
} as const;

export function checkAuth({
  secret,
  jwksUrl,
  issuer,
  audience,
  maxTokenLifetime,
}: {
  secret?: unknown;
  jwksUrl?: string;
  issuer?: string;
  audience?: string;
  maxTokenLifetime?: Duration;
}) {
  if (jwksUrl === undefined) checkClaim('issuer', issuer);
  checkClaim('audience', audience);
  if (maxTokenLifetime !== undefined)
    checkDuration(
      'maxTokenLifetime',
      maxTokenLifetime,
      MIN_TOKEN_LIFETIME_SECONDS,
      MAX_TOKEN_LIFETIME_SECONDS,
    );
  if (secret !== undefined && jwksUrl !== undefined) {
    throw new InvalidSetting('auth has both a secret and a jwksUrl, expected one of them');
  }
  if (jwksUrl === undefined) return;
  if (!issuer) {
    throw new InvalidSetting('issuer is not set: with a jwksUrl, only its tokens must open connections');
  }
  if (Token.isUnresolved(jwksUrl)) return;
  if (!URL.canParse(jwksUrl) || new URL(jwksUrl).protocol !== 'https:') {
    throw new InvalidSetting(`jwksUrl is "${jwksUrl}", expected an https URL`);
  }
  const { username, password } = new URL(jwksUrl);
  if (username || password)
    throw new InvalidSetting('jwksUrl has a user or a password, expected none: it is fetched without');
}

/** Example: an app takes it from a variable that is not set. Tokens of everybody would be taken. */
function checkClaim(name: string, value: string | undefined) {
  if (value === '')
    throw new InvalidSetting(`${name} is empty, expected what a token has: leave it out to take any`);
}

export interface Limits {
  defaultRetention?: Duration;
  maxConnectionsPerUser?: number;
  maxDevicesPerUser?: number;
  frameRate?: number;
  maxSubscriptions?: number;
  openTopics?: readonly string[];
  fanOutPage?: number;
  fanOutRate?: number;
  offlineAfterSeconds?: number;
  maxPendingPerAddress?: number;
  maxPending?: number;
  logSampling?: number;
  logRetention?: RetentionDays;
  permissionsClaim?: string;
  allowedOrigins?: readonly string[];
  stageName?: string;
  throttle?: ThrottleSettings;
  routeThrottles?: RouteThrottles;
}

/** Those that are on or off. */
export interface Flags {
  everyone?: boolean;
  appMessages?: boolean;
  events?: boolean;
  stomp?: boolean;
  closedTypes?: boolean;
  accountLogRole?: boolean;
}

/**
 * Types do not hold what comes from the context of a CDK app. Example: with `-c stomp=false` its
 * `stomp` is a text, and no text but the empty one is false.
 */
export function checkFlags({ everyone, appMessages, events, stomp, closedTypes, accountLogRole }: Flags) {
  const flags = { everyone, appMessages, events, stomp, closedTypes, accountLogRole };
  for (const [name, value] of Object.entries(flags)) {
    if (value !== undefined && typeof value !== 'boolean')
      throw new InvalidSetting(`${name} is ${JSON.stringify(value)}, expected true or false`);
  }
}

export function checkRemovalPolicy(policy: RemovalPolicy | undefined) {
  if (policy === RemovalPolicy.SNAPSHOT)
    throw new InvalidSetting(
      'removalPolicy is SNAPSHOT, which tables do not have: expected RETAIN or DESTROY',
    );
}

/** By route key: other numbers for one route of either API. */
export type RouteThrottles = Partial<Record<RouteKey, ThrottleSettings>>;

export function checkLimits(limits: Limits) {
  const { defaultRetention = DEFAULTS.defaultRetention } = limits;
  checkDuration('defaultRetention', defaultRetention, MIN_RETENTION_SECONDS, MAX_RETENTION_SECONDS);
  checkInteger('maxConnectionsPerUser', limits.maxConnectionsPerUser, 1, MAX_CONNECTIONS_PER_USER);
  checkInteger('maxDevicesPerUser', limits.maxDevicesPerUser, 1, MAX_DEVICES_PER_USER);
  checkInteger('frameRate', limits.frameRate, 1, MAX_FRAME_RATE);
  checkInteger('maxSubscriptions', limits.maxSubscriptions, 1, MAX_SUBSCRIPTIONS);
  checkInteger('fanOutPage', limits.fanOutPage, 1, MAX_FAN_OUT_PAGE);
  checkInteger('fanOutRate', limits.fanOutRate, 1, MAX_FAN_OUT_RATE);
  checkInteger('offlineAfterSeconds', limits.offlineAfterSeconds, 1, MAX_OFFLINE_AFTER_SECONDS);
  checkInteger('maxPendingPerAddress', limits.maxPendingPerAddress, 1, MAX_PENDING_SOCKETS);
  checkInteger('maxPending', limits.maxPending, 1, MAX_PENDING_SOCKETS);
  checkInteger('logSampling', limits.logSampling, 0, 100);
  checkOpenTopics(limits.openTopics);
  checkLogRetention(limits.logRetention);
  checkPermissionsClaim(limits.permissionsClaim);
  checkThrottle('throttle', limits.throttle);
  for (const [route, throttle] of Object.entries(limits.routeThrottles ?? {})) {
    if (!isRouteKey(route)) {
      throw new InvalidSetting(`routeThrottles has "${route}", expected one of ${ROUTE_KEYS.join(', ')}`);
    }
    checkThrottle(`routeThrottles.${route}`, throttle);
  }
  checkOrigins(limits.allowedOrigins);
  const { stageName = DEFAULTS.stageName } = limits;
  if (!Token.isUnresolved(stageName) && !/^[A-Za-z0-9_-]{1,128}$/.test(stageName)) {
    throw new InvalidSetting(`stageName is "${stageName}", expected 1 to 128 of A–Z a–z 0–9 _ -`);
  }
}

export function checkAwsClient(awsClient: string | undefined): asserts awsClient is AwsClient | undefined {
  if (awsClient === undefined || AWS_CLIENTS.some((known) => known === awsClient)) return;
  throw new InvalidSetting(`awsClient is "${awsClient}", expected ${AWS_CLIENTS.join(' or ')}`);
}

export function checkLogLevel(level: string | undefined): asserts level is LogLevel | undefined {
  if (level === undefined || LOG_LEVELS.some((known) => known === level)) return;
  throw new InvalidSetting(`logLevel is "${level}", expected ${LOG_LEVELS.join(', ')}`);
}

function checkThrottle(name: string, { rateLimit, burstLimit }: ThrottleSettings = {}) {
  checkInteger(`${name}.rateLimit`, rateLimit, 1, 1_000_000);
  checkInteger(`${name}.burstLimit`, burstLimit, 1, 1_000_000);
}

/** How many instances, by Lambda. */
export type Instances = Partial<Record<LambdaName, number>>;

export interface Concurrency {
  provisionedConcurrency?: Instances;
  reservedConcurrency?: Instances;
}

export function checkConcurrency({ provisionedConcurrency = {}, reservedConcurrency = {} }: Concurrency) {
  checkInstances('provisionedConcurrency', provisionedConcurrency);
  checkInstances('reservedConcurrency', reservedConcurrency);
  for (const name of LAMBDA_NAMES) {
    const [warm, reserved] = [provisionedConcurrency[name], reservedConcurrency[name]];
    if (warm === undefined || reserved === undefined) continue;
    // Lambda keeps none warm beyond those that are reserved.
    checkInteger(`provisionedConcurrency.${name}`, warm, 1, reserved);
  }
}

/** Lambda's own limit depends on the account; this is where most begin. */
const MAX_INSTANCES = 1000;

function checkInstances(setting: string, instances: Instances) {
  for (const [name, count] of Object.entries(instances)) {
    if (!isLambdaName(name)) {
      throw new InvalidSetting(`${setting} has "${name}", expected one of ${LAMBDA_NAMES.join(', ')}`);
    }
    checkInteger(`${setting}.${name}`, count, 1, MAX_INSTANCES);
  }
}

/** TypeScript lets any number pass for one of these. */
function checkLogRetention(days: RetentionDays | undefined) {
  if (days === undefined || Token.isUnresolved(days) || RetentionDays[days] !== undefined) return;
  throw new InvalidSetting(`logRetention is ${days}, expected one of RetentionDays`);
}

function checkDuration(name: string, duration: Duration, min: number, max: number) {
  if (typeof duration?.toSeconds !== 'function')
    throw new InvalidSetting(`${name} is ${JSON.stringify(duration)}, expected a Duration`);
  if (duration.isUnresolved()) return;
  const seconds = duration.toSeconds({ integral: false });
  if (Number.isInteger(seconds) && seconds >= min && seconds <= max) return;
  throw new InvalidSetting(`${name} is ${seconds} s, expected whole seconds from ${min} to ${max}`);
}

function checkInteger(name: string, value: number | undefined, min: number, max: number) {
  if (value === undefined || Token.isUnresolved(value)) return;
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new InvalidSetting(`${name} is ${value}, expected an integer from ${min} to ${max}`);
}

function checkList(name: string, list: readonly string[] | undefined) {
  if (list !== undefined && !Array.isArray(list))
    throw new InvalidSetting(`${name} is ${JSON.stringify(list)}, expected a list`);
}

function checkOrigins(origins: readonly string[] | undefined) {
  checkList('allowedOrigins', origins);
  if (origins?.length === 0) {
    throw new InvalidSetting('allowedOrigins is empty: leave it out to allow any origin');
  }
  const wrong = origins?.find((origin) => !Token.isUnresolved(origin) && !isOrigin(origin));
  if (wrong !== undefined) {
    throw new InvalidSetting(`allowedOrigins has "${wrong}", expected ${ORIGIN_RULE}`);
  }
  checkLength('allowedOrigins', origins ?? [], MAX_ORIGINS_CHARACTERS);
}

/** The environment of a Lambda holds 4 KB; open topics stand in that of every Lambda. */
const MAX_OPEN_TOPICS_CHARACTERS = 1024;
const MAX_ORIGINS_CHARACTERS = 2048;

function checkOpenTopics(patterns: readonly string[] = []) {
  checkList('openTopics', patterns);
  const wrong = patterns.find((pattern) => !Token.isUnresolved(pattern) && !isTopicPattern(pattern));
  if (wrong !== undefined)
    throw new InvalidSetting(`openTopics has "${wrong}", expected ${TOPIC_PATTERN_RULE}`);
  checkLength('openTopics', patterns, MAX_OPEN_TOPICS_CHARACTERS);
}

function checkLength(name: string, texts: readonly string[], max: number) {
  const { length } = texts.join(',');
  if (length <= max) return;
  throw new InvalidSetting(
    `${name} has ${length} characters, expected at most ${max} characters, commas included`,
  );
}

/** https://www.rfc-editor.org/rfc/rfc7519#section-4.1 */
const REGISTERED_CLAIMS = ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti'];

function checkPermissionsClaim(claim: string | undefined) {
  if (claim === undefined || Token.isUnresolved(claim)) return;
  if (/^[\x20-\x7e]{1,256}$/.test(claim) && !REGISTERED_CLAIMS.includes(claim)) return;
  throw new InvalidSetting(
    `permissionsClaim is "${claim}", expected the name of a claim of your own, 1 to 256 ASCII characters`,
  );
}
