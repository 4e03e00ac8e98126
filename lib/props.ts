/** What may be set of the backend, and what holds where nothing is. */
import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { ThrottleSettings } from 'aws-cdk-lib/aws-apigatewayv2';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { LambdaName } from '../lambdas/manifest.ts';
import { type CustomDomain, checkDomains } from './custom-domain.ts';
import { checkMessageTypes, type MessageTypesSource } from './lambda-code.ts';
import {
  type Auth,
  type AwsClient,
  checkAuth,
  checkAwsClient,
  checkLimits,
  checkWarm,
  DEFAULTS,
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
   * How long the logs of the Lambdas and of the APIs are kept.
   * @default RetentionDays.ONE_MONTH
   */
  readonly logRetention?: RetentionDays;
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
  readonly provisionedConcurrency?: Partial<Record<LambdaName, number>>;
}

/** Every setting, with its default where it is not set. Throws an `InvalidSetting` for one that cannot work. */
export function resolveProps(scope: Construct, props: NotificationBackendProps) {
  checkAuth(props.auth ?? {});
  checkLimits(props);
  checkMessageTypes(props.messageTypes);
  checkAwsClient(props.awsClient);
  checkDomains(scope, props);
  checkWarm(props.provisionedConcurrency);
  return withDefaults(props);
}

const withDefaults = (props: NotificationBackendProps) => ({
  auth: props.auth ?? {},
  allowedOrigins: props.allowedOrigins,
  defaultRetention: props.defaultRetention ?? DEFAULTS.defaultRetention,
  messageTypes: props.messageTypes,
  awsClient: props.awsClient ?? DEFAULTS.awsClient,
  maxConnectionsPerUser: props.maxConnectionsPerUser ?? DEFAULTS.maxConnectionsPerUser,
  closedTypes: props.closedTypes ?? DEFAULTS.closedTypes,
  removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
  throttle: props.throttle ?? DEFAULTS.throttle,
  logs: { retention: props.logRetention ?? RetentionDays.ONE_MONTH, encryptionKey: props.encryptionKey },
  webSocketDomain: props.webSocketDomain,
  httpDomain: props.httpDomain,
  eventBus: props.eventBus,
  encryptionKey: props.encryptionKey,
  alarmTopic: props.alarmTopic,
  provisionedConcurrency: props.provisionedConcurrency ?? {},
  stageName: props.stageName ?? DEFAULTS.stageName,
  accountLogRole: props.accountLogRole ?? DEFAULTS.accountLogRole,
});
