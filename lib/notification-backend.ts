/** The whole backend as one construct, for the stack of this app or for any other. It only composes its parts. */
import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { ThrottleSettings } from 'aws-cdk-lib/aws-apigatewayv2';
import type { EventBus } from 'aws-cdk-lib/aws-events';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { Authorizer } from './authorizer.ts';
import { NotificationBus } from './event-bus.ts';
import { Functions } from './functions.ts';
import { ServiceApi } from './http-api.ts';
import { Monitoring } from './monitoring.ts';
import { ReplayStream } from './replay-stream.ts';
import { type Auth, checkAuth, checkLimits, DEFAULTS } from './settings.ts';
import { Tables } from './tables.ts';
import { ClientApi } from './websocket-api.ts';

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
   * Refuse messages of a type that is not in `lambdas/message-types.ts`.
   * @default false
   */
  readonly closedTypes?: boolean;
  /**
   * What becomes of the tables and the token secret when the stack is deleted.
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
   * Set the role that API Gateway writes access logs with, one for the whole account and Region. Set to false where something else
   * manages it.
   * @default true
   */
  readonly accountLogRole?: boolean;
}

export class NotificationBackend extends Construct {
  /** Where clients connect. */
  readonly webSocketUrl: string;
  /** Where services publish and operators ask; requests are signed (SigV4). */
  readonly httpUrl: string;
  /** Takes events of detail type `Notification`. */
  readonly eventBus: EventBus;
  /** Takes a notification as the payload of an Invoke. */
  readonly notify: IFunction;
  /** Signs the clients' tokens. Undefined: the tokens' issuer publishes its keys. */
  readonly jwtSecret: ISecret | undefined;
  readonly deadLetterQueues: Record<'FailedNotifications' | 'UndeliveredEvents' | 'FailedReplays', IQueue>;
  readonly #serviceApi: ServiceApi;

  constructor(scope: Construct, id: string, props: NotificationBackendProps = {}) {
    super(scope, id);
    checkAuth(props.auth ?? {});
    checkLimits(props);
    const settings = withDefaults(props);

    const tables = new Tables(this, 'Tables', settings);
    const clientApi = new ClientApi(this, 'ClientApi', settings);
    const { lambda: authorizer, secret } = new Authorizer(this, 'Authorizer', settings);
    const functions = new Functions(this, 'Functions', { ...settings, tables, clientApi }).byName;
    const { notify, replay, users } = functions;
    clientApi.addRoutes({ ...functions, authorizer });
    this.#serviceApi = new ServiceApi(this, 'ServiceApi', { ...settings, notify, users });
    const bus = new NotificationBus(this, 'Notifications', { notify });
    const stream = new ReplayStream(this, 'ReplayStream', { connections: tables.connections, replay });

    this.webSocketUrl = clientApi.stage.url;
    this.httpUrl = this.#serviceApi.url;
    this.eventBus = bus.bus;
    this.notify = notify;
    this.jwtSecret = secret;
    this.deadLetterQueues = {
      FailedNotifications: bus.failedNotifications,
      UndeliveredEvents: bus.undeliveredEvents,
      FailedReplays: stream.failedReplays,
    };
    const { alarmTopic } = props;
    new Monitoring(this, 'Monitoring', {
      authorizer,
      functions,
      deadLetterQueues: this.deadLetterQueues,
      alarmTopic,
    });
  }

  /** Lets a service publish, through whichever door it prefers. */
  grantPublish(service: IGrantable) {
    for (const route of this.#serviceApi.publishRoutes) route.grantInvoke(service);
    this.eventBus.grantPutEventsTo(service);
    this.notify.grantInvoke(service);
  }

  /** Lets somebody read a user's history and presence, and cut their connections. */
  grantOperate(operator: IGrantable) {
    for (const route of this.#serviceApi.userRoutes) route.grantInvoke(operator);
  }
}

const withDefaults = (props: NotificationBackendProps) => ({
  auth: props.auth ?? {},
  allowedOrigins: props.allowedOrigins,
  defaultRetention: props.defaultRetention ?? DEFAULTS.defaultRetention,
  maxConnectionsPerUser: props.maxConnectionsPerUser ?? DEFAULTS.maxConnectionsPerUser,
  closedTypes: props.closedTypes ?? DEFAULTS.closedTypes,
  removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
  throttle: props.throttle ?? DEFAULTS.throttle,
  logRetention: props.logRetention ?? RetentionDays.ONE_MONTH,
  stageName: props.stageName ?? DEFAULTS.stageName,
  accountLogRole: props.accountLogRole ?? true,
});
