/**
 * The settings of our own app, as CDK context gives them (`-c jwksUrl=…`, or `context` in cdk.json): text from the command
 * line, any JSON from the file.
 */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { ThrottleSettings } from 'aws-cdk-lib/aws-apigatewayv2';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { LogLevel } from '../lambdas/logger.ts';
import type { SettingName } from './context-settings.ts';
import type { HeraldStackProps, NamedDomain } from './herald-stack.ts';
import {
  type AwsClient,
  checkAuth,
  checkAwsClient,
  checkConcurrency,
  checkLimits,
  checkLogLevel,
  DEFAULTS,
  type Instances,
  InvalidSetting,
  type RouteThrottles,
} from './settings.ts';

/** One context value, `undefined` where it is not set. */
export type ReadContext = (name: SettingName) => unknown;

export const STACK_NAME = 'stackName';

/** Throws an {@link InvalidSetting}, its message for the person at the command line. */
export function readSettings(read: ReadContext): HeraldStackProps {
  const jwtSecretArn = secretArn(read);
  const auth = {
    jwksUrl: text(read, 'jwksUrl'),
    issuer: text(read, 'issuer'),
    audience: text(read, 'audience'),
    maxTokenLifetime: seconds(read, 'maxTokenLifetimeSeconds'),
  };
  checkAuth({ ...auth, secret: jwtSecretArn });
  const limits = defined({
    allowedOrigins: text(read, 'allowedOrigins')?.split(','),
    defaultRetention: seconds(read, 'defaultRetentionSeconds'),
    maxConnectionsPerUser: number(read, 'maxConnectionsPerUser'),
    maxDevicesPerUser: number(read, 'maxDevicesPerUser'),
    frameRate: number(read, 'frameRate'),
    openTopics: text(read, 'openTopics')?.split(','),
    maxSubscriptions: number(read, 'maxSubscriptions'),
    permissionsClaim: text(read, 'permissionsClaim'),
    fanOutRate: number(read, 'fanOutRate'),
    fanOutPage: number(read, 'fanOutPage'),
    offlineAfterSeconds: number(read, 'offlineAfterSeconds'),
    maxPendingPerAddress: number(read, 'maxPendingPerAddress'),
    maxPending: number(read, 'maxPending'),
    logSampling: number(read, 'logSampling'),
    stageName: text(read, 'stageName'),
    throttle: throttle(read),
    routeThrottles: routeThrottles(read),
  });
  checkLimits(limits);
  const concurrency = defined({
    provisionedConcurrency: instances(read, 'provisionedConcurrency'),
    reservedConcurrency: instances(read, 'reservedConcurrency'),
  });
  checkConcurrency(concurrency);
  return {
    ...limits,
    ...concurrency,
    ...defined({
      ...auth,
      jwtSecretArn,
      closedTypes: flag(read, 'closedTypes'),
      everyone: flag(read, 'everyone'),
      appMessages: flag(read, 'appMessages'),
      events: flag(read, 'events'),
      stomp: flag(read, 'stomp'),
      awsClient: awsClient(read),
      accountLogRole: flag(read, 'accountLogRole'),
      removalPolicy: removalPolicy(read),
      alarmTopicArn: alarmTopicArn(read),
      eventBusName: eventBusName(read),
      encryptionKeyArn: encryptionKeyArn(read),
      webSocketDomain: domain(read, 'webSocket'),
      httpDomain: domain(read, 'http'),
      logRetention: logRetention(read),
      logLevel: logLevel(read),
    }),
  };
}

export function stackName(read: ReadContext): string {
  const name = text(read, STACK_NAME) ?? 'Herald';
  if (/^[A-Za-z][A-Za-z0-9-]{0,127}$/.test(name)) return name;
  throw wrong(STACK_NAME, name, 'letters, digits and hyphens, beginning with a letter, at most 128');
}

function text(read: ReadContext, name: SettingName): string | undefined {
  const value = read(name);
  if (value === undefined || value === null) return undefined;
  const written = Array.isArray(value) ? value.join(',') : String(value);
  if (written === '') throw new InvalidSetting(`${name} is empty: leave it out for its default`);
  return written;
}

function number(read: ReadContext, name: SettingName): number | undefined {
  const written = text(read, name);
  if (written === undefined) return undefined;
  if (!/^\d+$/.test(written)) throw wrong(name, written, 'an integer');
  return Number(written);
}

function seconds(read: ReadContext, name: SettingName): Duration | undefined {
  const value = number(read, name);
  return value === undefined ? undefined : Duration.seconds(value);
}

function flag(read: ReadContext, name: SettingName): boolean | undefined {
  const written = text(read, name);
  if (written === undefined) return undefined;
  if (written !== 'true' && written !== 'false') throw wrong(name, written, 'true or false');
  return written === 'true';
}

function awsClient(read: ReadContext): AwsClient | undefined {
  const written = text(read, 'awsClient');
  checkAwsClient(written);
  return written;
}

function logLevel(read: ReadContext): LogLevel | undefined {
  const written = text(read, 'logLevel');
  checkLogLevel(written);
  return written;
}

function removalPolicy(read: ReadContext): RemovalPolicy | undefined {
  const written = text(read, 'removalPolicy');
  if (written === undefined) return undefined;
  if (written === 'retain') return RemovalPolicy.RETAIN;
  if (written === 'destroy') return RemovalPolicy.DESTROY;
  throw wrong('removalPolicy', written, 'retain or destroy');
}

/** One of the two is enough: the other keeps its default. */
function throttle(read: ReadContext): ThrottleSettings | undefined {
  const rateLimit = number(read, 'throttleRate');
  const burstLimit = number(read, 'throttleBurst');
  if (rateLimit === undefined && burstLimit === undefined) return undefined;
  return { ...DEFAULTS.throttle, ...defined({ rateLimit, burstLimit }) };
}

function logRetention(read: ReadContext): RetentionDays | undefined {
  const days = number(read, 'logRetentionDays');
  if (days === undefined || RetentionDays[days] !== undefined) return days;
  throw wrong(
    'logRetentionDays',
    String(days),
    'a number of days CloudWatch knows, such as 7, 30, 90 or 365',
  );
}

function secretArn(read: ReadContext): string | undefined {
  const arn = text(read, 'jwtSecretArn');
  if (arn === undefined || /^arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:.+-[A-Za-z0-9]{6}$/.test(arn))
    return arn;
  throw wrong('jwtSecretArn', arn, 'the complete ARN of a secret, its six random characters included');
}

function alarmTopicArn(read: ReadContext): string | undefined {
  const arn = text(read, 'alarmTopicArn');
  if (arn === undefined || /^arn:[^:]+:sns:[^:]+:\d{12}:[^:]+$/.test(arn)) return arn;
  throw wrong('alarmTopicArn', arn, 'the ARN of an SNS topic');
}

function eventBusName(read: ReadContext): string | undefined {
  const name = text(read, 'eventBusName');
  if (name === undefined || /^[\w.\-/]{1,256}$/.test(name)) return name;
  throw wrong('eventBusName', name, 'the name of an event bus, not its ARN');
}

function encryptionKeyArn(read: ReadContext): string | undefined {
  const arn = text(read, 'encryptionKeyArn');
  if (arn === undefined || /^arn:[^:]+:kms:[^:]+:\d{12}:key\/.+$/.test(arn)) return arn;
  throw wrong('encryptionKeyArn', arn, 'the ARN of a KMS key, not of an alias');
}

/** `webSocketDomain` and `webSocketCertificateArn`, or the same of `http`: one is nothing without the other. */
function domain(read: ReadContext, api: 'webSocket' | 'http'): NamedDomain | undefined {
  const domainName = text(read, `${api}Domain`);
  const certificateArn = text(read, `${api}CertificateArn`);
  if (domainName === undefined && certificateArn === undefined) return undefined;
  if (certificateArn === undefined) {
    throw new InvalidSetting(
      `${api}CertificateArn is not set: ${api}Domain "${domainName}" needs a certificate`,
    );
  }
  if (domainName === undefined) throw new InvalidSetting(`${api}Domain is not set, only its certificate is`);
  if (/^arn:[^:]+:acm:[^:]+:\d{12}:certificate\/.+$/.test(certificateArn))
    return { domainName, certificateArn };
  throw wrong(`${api}CertificateArn`, certificateArn, 'the ARN of a certificate in ACM');
}

/** `notify=2,authorizer=1`, or an object in cdk.json. Whether the names are right, `checkConcurrency` says. */
function instances(
  read: ReadContext,
  name: 'provisionedConcurrency' | 'reservedConcurrency',
): Instances | undefined {
  const value = read(name);
  if (typeof value === 'object' && value !== null) return value;
  const pairs = pairsIn(text(read, name));
  return pairs && Object.fromEntries(pairs.map(([lambda, count]) => [lambda, Number(count)]));
}

/**
 * `$connect=200/100,$default=500/1000`: requests per second, and how many at once on top; or an object
 * in cdk.json. Whether the routes are right, `checkLimits` says.
 */
function routeThrottles(read: ReadContext): RouteThrottles | undefined {
  const value = read('routeThrottles');
  if (typeof value === 'object' && value !== null) return value;
  const written = text(read, 'routeThrottles');
  const throttles = pairsIn(written)?.map(([route, limits]) => {
    const [, rate, burst] = /^(\d+)\/(\d+)$/.exec(limits ?? '') ?? [];
    if (rate === undefined) throw wrong('routeThrottles', `${written}`, 'something like $connect=200/100');
    return [route, { rateLimit: Number(rate), burstLimit: Number(burst) }];
  });
  return throttles && Object.fromEntries(throttles);
}

/** `one=1,other=2` */
const pairsIn = (written: string | undefined): [string, string | undefined][] | undefined =>
  written?.split(',').map((pair) => {
    const [name = '', value] = pair.split('=');
    return [name, value];
  });

const wrong = (name: string, value: string, expected: string) =>
  new InvalidSetting(`${name} is "${value}", expected ${expected}`);

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the members that are not set, so that a default elsewhere applies. */
const defined = <T extends object>(values: T) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
