/** The whole backend as one construct, for the stack of this app or for any other. It only composes its parts. */
import { Names } from 'aws-cdk-lib';
import type { DomainName } from 'aws-cdk-lib/aws-apigatewayv2';
import type { Dashboard } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { Authorizer } from './authorizer.ts';
import { allowServices, KEY_ACTIONS } from './encryption.ts';
import { NotificationBus } from './event-bus.ts';
import { EventSources } from './event-sources.ts';
import { Functions } from './functions.ts';
import { ServiceApi } from './http-api.ts';
import { type DeadLetters, Monitoring } from './monitoring.ts';
import { type NotificationBackendProps, resolveProps } from './props.ts';
import { Queues } from './queues.ts';
import { Tables } from './tables.ts';
import { ClientApi } from './websocket-api.ts';

export class NotificationBackend extends Construct {
  /** Where clients connect. */
  readonly webSocketUrl: string;
  /** Where services publish and operators ask; requests are signed (SigV4). */
  readonly httpUrl: string;
  /** Takes events of detail type `Notification`. */
  readonly eventBus: IEventBus;
  /** Takes rows that services put there by their own transactions: each is published, and taken away. */
  readonly outboxTable: ITable;
  /** Takes a notification as the payload of an Invoke. */
  readonly notify: IFunction;
  /** Signs the clients' tokens. Undefined: the tokens' issuer publishes its keys. */
  readonly jwtSecret: ISecret | undefined;
  readonly deadLetterQueues: Record<DeadLetters, IQueue>;
  readonly dashboard: Dashboard;
  /** Point your own name at its `regionalDomainName`, unless it was given with its zone. */
  readonly webSocketDomain: DomainName | undefined;
  readonly httpDomain: DomainName | undefined;
  readonly #serviceApi: ServiceApi;
  readonly #encryptionKey: IKey | undefined;

  constructor(scope: Construct, id: string, props: NotificationBackendProps = {}) {
    super(scope, id);
    const settings = resolveProps(this, props);
    const { encryptionKey, provisionedConcurrency, reservedConcurrency } = settings;
    const backend = Names.uniqueResourceName(this, { separator: '-', maxLength: 100 });
    if (encryptionKey) allowServices(this, encryptionKey);

    const tables = new Tables(this, 'Tables', settings);
    const queues = new Queues(this, 'Queues', settings);
    const clientApi = new ClientApi(this, 'ClientApi', settings);
    const tokens = new Authorizer(this, 'Authorizer', {
      ...settings,
      provisionedConcurrency: provisionedConcurrency.authorizer,
      reservedConcurrency: reservedConcurrency.authorizer,
      backend,
    });
    const { lambda: authorizer, secret } = tokens;
    const bus = new NotificationBus(this, 'Notifications', settings);
    const parts = { ...settings, tables, queues, eventBus: bus.bus };
    const functions = new Functions(this, 'Functions', { ...parts, authorizer: tokens, clientApi, backend })
      .byName;
    const notify = functions.notify.target;
    clientApi.addRoutes(authorizer.target, functions);
    this.#serviceApi = new ServiceApi(this, 'ServiceApi', { ...settings, functions });
    bus.deliverTo(notify);
    // Its id is part of the names of deployed queues: another id would replace them, dead letters and all.
    const eventSources = new EventSources(this, 'ReplayStream', { ...parts, functions });

    this.webSocketUrl = clientApi.url;
    this.webSocketDomain = clientApi.domain;
    this.httpDomain = this.#serviceApi.domain;
    this.httpUrl = this.#serviceApi.url;
    this.eventBus = bus.bus;
    this.outboxTable = tables.outbox;
    this.#encryptionKey = encryptionKey;
    this.notify = notify;
    this.jwtSecret = secret;
    this.deadLetterQueues = {
      FailedNotifications: bus.failedNotifications,
      UndeliveredEvents: bus.undeliveredEvents,
      ...eventSources.deadLetterQueues,
      ...queues.deadLetterQueues,
    };
    const { apiId, stage } = clientApi;
    this.dashboard = new Monitoring(this, 'Monitoring', {
      backend,
      webSocketApi: { apiId, stageName: stage.stageName },
      httpApiId: this.#serviceApi.apiId,
      authorizer,
      functions,
      tables,
      deadLetterQueues: this.deadLetterQueues,
      alarmTopic: settings.alarmTopic,
    }).dashboard;
  }

  /**
   * Lets a service publish, through whichever door it prefers, to any channel: users, topics, everyone.
   * It cannot be narrowed to some channels: IAM sees the bus, the source and the detail type of an
   * event, the path of a request and the name of a Lambda, but never the notification inside. What
   * must be narrow is published by a client, whose token names the channels.
   */
  grantPublish(service: IGrantable) {
    this.#serviceApi.open('publish', service);
    this.eventBus.grantPutEventsTo(service);
    this.notify.grantInvoke(service);
  }

  /**
   * Lets a service put rows into the outbox, as part of its own transactions: what it may publish is as
   * with {@link grantPublish}, any channel.
   */
  grantOutbox(service: IGrantable) {
    this.outboxTable.grant(service, 'dynamodb:PutItem');
    // CDK does not know that the table is encrypted with it.
    this.#encryptionKey?.grant(service, ...KEY_ACTIONS);
  }

  /** Lets somebody read what users and topics were told and who is connected, and cut a user's connections. */
  grantOperate(operator: IGrantable) {
    this.#serviceApi.open('operate', operator);
  }

  /** Lets a service add and remove the members of topics, and list them. */
  grantManageTopics(service: IGrantable) {
    this.#serviceApi.open('manageTopics', service);
  }
}
