/** What may be set of the backend, and what holds where nothing is. */
import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { ThrottleSettings } from 'aws-cdk-lib/aws-apigatewayv2';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { LogLevel } from '../lambdas/logger.ts';
import { type CustomDomain, checkDomains } from './custom-domain.ts';
import { checkMessageTypes, type MessageTypesSource } from './lambda-code.ts';
import {
  type Auth,
  type AwsClient,
  checkAuth,
  checkAwsClient,
  checkConcurrency,
  checkFlags,
  checkLimits,
  checkLogLevel,
  checkRemovalPolicy,
  DEFAULTS,
  type Instances,
  type RouteThrottles,
} from './settings.ts';

export interface NotificationBackendProps {
  /**
   * Who issues the clients' tokens.
   * @default HS256 with a new secret
   */
  readonly auth?: Auth;
  /**
   * The web origins that may connect, such as `https://app.example`. Clients that send no `Origin` are no browsers and always may.
   * @default any
   */
  readonly allowedOrigins?: string[];
  /**
   * How long a message is kept for devices that are away, if neither its publisher nor its type says. A minute to 365 days.
   * @default Duration.days(7)
   */
  readonly defaultRetention?: Duration;
  /**
   * A user's connections beyond this number are closed, oldest first. 1 to 10,000.
   * @default 10
   */
  readonly maxConnectionsPerUser?: number;
  /**
   * A user's devices beyond this number are forgotten, the longest unseen first. 1 to 10,000.
   * @default 1000
   */
  readonly maxDevicesPerUser?: number;
  /**
   * Frames a second that a connection may send in the long run, in bursts of five times as many. 1 to 1,000.
   * @default 10
   */
  readonly frameRate?: number;
  /**
   * Every connection hears the channel `everyone`, for two write units a connect.
   * @default true
   */
  readonly everyone?: boolean;
  /**
   * Topics that every user may subscribe to, whatever their token says: names, or the beginning of some and `*`, as in `news.*`.
   * @default none
   */
  readonly openTopics?: string[];
  /**
   * Topics that a connection may hear, those its user is a member of included. 1 to 100.
   * @default 100
   */
  readonly maxSubscriptions?: number;
  /**
   * The claim of a token that says which channels its user may subscribe and publish to.
   * @default 'herald'
   */
  readonly permissionsClaim?: string;
  /**
   * Clients may send messages to the application: events of detail type `Client Message` on the bus.
   * @default false
   */
  readonly appMessages?: boolean;
  /**
   * The application is told, by events on the bus, which connections open and close, and which users come online and go offline.
   * @default false
   */
  readonly events?: boolean;
  /**
   * How many seconds after their last connection closed users count as offline; who is back within them was never away. 1 to 900.
   * @default 30
   */
  readonly offlineAfterSeconds?: number;
  /**
   * Clients of STOMP are served, too. Their sockets open without a token, and have no rights until their `CONNECT` brings one.
   * @default false
   */
  readonly stomp?: boolean;
  /**
   * Sockets of one IP address that wait for their `CONNECT`, or were refused within 30 s. 1 to 10,000.
   * @default 20
   */
  readonly maxPendingPerAddress?: number;
  /**
   * The same of all addresses together. 1 to 10,000.
   * @default 1000
   */
  readonly maxPending?: number;
  /**
   * Posts a second of all large fan-outs together, so that they leave the rest of the account's request rate to users' own
   * messages. 1 to 100,000.
   * @default 5000, half of what a new account has
   */
  readonly fanOutRate?: number;
  /**
   * Connections that a publish serves before it is answered; the others are queued. 1 to 1,000.
   * @default 256
   */
  readonly fanOutPage?: number;
  /**
   * Your message types, their validators and retentions: a module that exports `messageTypes`, made by `defineMessageTypes` of
   * `herald/message-types`.
   * @default none: any type, any JSON
   */
  readonly messageTypes?: MessageTypesSource;
  /**
   * Refuse messages of a type that is not among the message types.
   * @default false
   */
  readonly closedTypes?: boolean;
  /**
   * What the Lambdas call DynamoDB and post to connections with: our own small clients, or those of the AWS SDK, which take more of each
   * cold start and of the CPU.
   * @default 'lean'
   */
  readonly awsClient?: AwsClient;
  /**
   * What becomes of the tables, the token secret and the dead letters when the stack is deleted. Unless it is `DESTROY`, the tables are
   * protected against deletion too.
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
  /**
   * Hears of every alarm.
   * @default the alarms only show in CloudWatch
   */
  readonly alarmTopic?: ITopic;
  /**
   * Of each of the two APIs, over all callers: requests per second, and how many at once on top.
   * @default 1000 per second, bursts of 500
   */
  readonly throttle?: ThrottleSettings;
  /**
   * Of single routes of either API, by route key, over all callers: `{ $connect: { rateLimit: 200, burstLimit: 100 } }`.
   * What a route leaves out, it has from `throttle`.
   * @default `throttle` for every route
   */
  readonly routeThrottles?: RouteThrottles;
  /**
   * How long the logs of the Lambdas and of the APIs are kept.
   * @default RetentionDays.ONE_MONTH
   */
  readonly logRetention?: RetentionDays;
  /**
   * What the Lambdas log: `info`, `warn` or `error` and what is graver. `debug`: Lambda's own lines of each run, too, with its
   * duration and memory, which are metrics in any case. Herald's metrics are always written.
   * @default 'info'
   */
  readonly logLevel?: LogLevel;
  /**
   * Of how many messages in a hundred the log tells the way: a line for the publish and for each connection. A publish may ask
   * for it by `trace: true`. 0 to 100.
   * @default 10
   */
  readonly logSampling?: number;
  /**
   * Last part of the WebSocket URL.
   * @default 'prod'
   */
  readonly stageName?: string;
  /**
   * Set the role that API Gateway writes access logs with. It is one for the whole account and Region, and replaces the one that
   * is set: ask for it where there is none yet. Without one the deployment fails, and says so.
   * @default false
   */
  readonly accountLogRole?: boolean;
  /**
   * Your own name for the WebSocket API. The one that API Gateway gave it stops working then.
   * @default API Gateway's, as in `wss://<id>.execute-api.<region>.amazonaws.com/<stageName>`
   */
  readonly webSocketDomain?: CustomDomain;
  /**
   * Your own name for the HTTPS requests, another one than that of the WebSocket API. The one that API Gateway gave stops working then.
   * @default API Gateway's
   */
  readonly httpDomain?: CustomDomain;
  /**
   * Takes events of detail type `Notification`, from whatever source.
   * @default a new bus
   */
  readonly eventBus?: IEventBus;
  /**
   * Encrypts the tables, the queues, the logs and a new token secret.
   * @default keys of AWS's own
   */
  readonly encryptionKey?: IKey;
  /**
   * Instances of a Lambda that are kept warm, and paid for by the hour.
   * @default none
   */
  readonly provisionedConcurrency?: Instances;
  /**
   * Instances that no other Lambda of the account can take, and the most that this Lambda may have: with `notify`
   * reserved, a flood of frames cannot starve publishers; with `message` reserved, it cannot starve anybody.
   * @default none: all share the concurrency of the account
   */
  readonly reservedConcurrency?: Instances;
}

/** Every setting, with its default where it is not set. Throws an `InvalidSetting` for one that cannot work. */
export function resolveProps(scope: Construct, props: NotificationBackendProps) {
  checkAuth(props.auth ?? {});
  checkLimits(props);
  checkFlags(props);
  checkRemovalPolicy(props.removalPolicy);
  checkMessageTypes(props.messageTypes);
  checkAwsClient(props.awsClient);
  checkLogLevel(props.logLevel);
  checkDomains(scope, props);
  checkConcurrency(props);
  return withDefaults(props);
}

const withDefaults = (props: NotificationBackendProps) => ({
  auth: props.auth ?? {},
  allowedOrigins: props.allowedOrigins,
  defaultRetention: props.defaultRetention ?? DEFAULTS.defaultRetention,
  messageTypes: props.messageTypes,
  awsClient: props.awsClient ?? DEFAULTS.awsClient,
  maxConnectionsPerUser: props.maxConnectionsPerUser ?? DEFAULTS.maxConnectionsPerUser,
  maxDevicesPerUser: props.maxDevicesPerUser ?? DEFAULTS.maxDevicesPerUser,
  frameRate: props.frameRate ?? DEFAULTS.frameRate,
  everyone: props.everyone ?? DEFAULTS.everyone,
  openTopics: props.openTopics ?? DEFAULTS.openTopics,
  maxSubscriptions: props.maxSubscriptions ?? DEFAULTS.maxSubscriptions,
  permissionsClaim: props.permissionsClaim ?? DEFAULTS.permissionsClaim,
  appMessages: props.appMessages ?? DEFAULTS.appMessages,
  events: props.events ?? DEFAULTS.events,
  offlineAfterSeconds: props.offlineAfterSeconds ?? DEFAULTS.offlineAfterSeconds,
  stomp: props.stomp ?? DEFAULTS.stomp,
  maxPendingPerAddress: props.maxPendingPerAddress ?? DEFAULTS.maxPendingPerAddress,
  maxPending: props.maxPending ?? DEFAULTS.maxPending,
  fanOutRate: props.fanOutRate ?? DEFAULTS.fanOutRate,
  fanOutPage: props.fanOutPage ?? DEFAULTS.fanOutPage,
  closedTypes: props.closedTypes ?? DEFAULTS.closedTypes,
  logSampling: props.logSampling ?? DEFAULTS.logSampling,
  removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
  throttle: props.throttle ?? DEFAULTS.throttle,
  routeThrottles: props.routeThrottles ?? {},
  logs: {
    level: props.logLevel ?? DEFAULTS.logLevel,
    retention: props.logRetention ?? RetentionDays.ONE_MONTH,
    encryptionKey: props.encryptionKey,
  },
  webSocketDomain: props.webSocketDomain,
  httpDomain: props.httpDomain,
  eventBus: props.eventBus,
  encryptionKey: props.encryptionKey,
  alarmTopic: props.alarmTopic,
  provisionedConcurrency: props.provisionedConcurrency ?? {},
  reservedConcurrency: props.reservedConcurrency ?? {},
  stageName: props.stageName ?? DEFAULTS.stageName,
  accountLogRole: props.accountLogRole ?? DEFAULTS.accountLogRole,
});
