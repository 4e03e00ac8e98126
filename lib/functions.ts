/** The Lambdas that keep state, and what each may do: nothing that the manifest does not say. */
import type { Duration } from 'aws-cdk-lib';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { TABLES } from '../lambdas/adapters/dynamodb/tables.ts';
import type { AppVar, StompVar } from '../lambdas/env.ts';
import type { LambdaSpec } from '../lambdas/lambda-spec.ts';
import { LAMBDA_NAMES, LAMBDAS, type LambdaName } from '../lambdas/manifest.ts';
import type { Authorizer } from './authorizer.ts';
import { acknowledgeKeyGrants, KEY_ACTIONS } from './encryption.ts';
import { HeraldFunction } from './herald-function.ts';
import type { MessageTypesSource } from './lambda-code.ts';
import type { LogSettings } from './logs.ts';
import { acknowledgeWildcard } from './nag.ts';
import type { Queues } from './queues.ts';
import type { AwsClient } from './settings.ts';
import { TABLE_NAMES, type Tables } from './tables.ts';
import type { ClientApi } from './websocket-api.ts';

type Var = AppVar | StompVar | 'BACKEND_NAME';

/** All but the authorizer, which sees no table. */
export type StatefulName = Exclude<LambdaName, 'authorizer'>;
export const STATEFUL_NAMES = LAMBDA_NAMES.filter((name) => name !== 'authorizer');

export interface FunctionsProps {
  readonly tables: Tables;
  readonly queues: Queues;
  /** Takes the application's events. */
  readonly eventBus: IEventBus;
  readonly clientApi: ClientApi;
  readonly maxConnectionsPerUser: number;
  readonly maxDevicesPerUser: number;
  readonly frameRate: number;
  readonly maxSubscriptions: number;
  readonly everyone: boolean;
  readonly openTopics: readonly string[];
  readonly fanOutPage: number;
  readonly fanOutRate: number;
  readonly appMessages: boolean;
  readonly events: boolean;
  readonly offlineAfterSeconds: number;
  readonly stomp: boolean;
  readonly maxPendingPerAddress: number;
  readonly maxPending: number;
  /** Who reads the tokens of clients that bring them in a frame. */
  readonly authorizer: Authorizer;
  readonly defaultRetention: Duration;
  readonly closedTypes: boolean;
  readonly logSampling: number;
  readonly logs: LogSettings;
  /** Its name in the metrics. */
  readonly backend: string;
  /** That of the tables and the queues. */
  readonly encryptionKey: IKey | undefined;
  readonly provisionedConcurrency: Partial<Record<LambdaName, number>>;
  readonly reservedConcurrency: Partial<Record<LambdaName, number>>;
  readonly messageTypes: MessageTypesSource | undefined;
  readonly awsClient: AwsClient;
}

export class Functions extends Construct {
  readonly byName: Record<StatefulName, HeraldFunction>;

  constructor(scope: Construct, id: string, props: FunctionsProps) {
    super(scope, id);
    if (props.encryptionKey) acknowledgeKeyGrants(this);
    const environment = environmentOf(props);
    const created = STATEFUL_NAMES.map((name) => [name, this.#create(name, environment, props)]);
    this.byName = Object.fromEntries(created);
  }

  #create(name: StatefulName, environment: Record<Var, string>, props: FunctionsProps) {
    const { tables, queues, eventBus, clientApi, encryptionKey, logs, awsClient, messageTypes, authorizer } =
      props;
    const spec: LambdaSpec = LAMBDAS[name];
    const readsTokens = props.stomp && spec.readsTokens;
    const lambda = new HeraldFunction(this, name, {
      environment: {
        ...Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== '')),
        ...(readsTokens && authorizer.environment),
      },
      logs,
      awsClient,
      messageTypes,
      provisionedConcurrency: props.provisionedConcurrency[name],
      reservedConcurrency: props.reservedConcurrency[name],
    });
    if (readsTokens) authorizer.allowToReadTokens(lambda);
    if (encryptionKey) lambda.allow(KEY_ACTIONS, encryptionKey.keyArn);
    for (const table of TABLE_NAMES) {
      const forStomp = (props.stomp && spec.tablesForStomp?.[table]) || [];
      const actions = [...(spec.tables?.[table] ?? []), ...forStomp];
      if (actions.length > 0) lambda.allowTable(tables[table], actions, TABLES[table].index);
    }
    for (const queue of spec.sendsTo ?? []) {
      lambda.allow(['sqs:SendMessage'], queues.byName[queue].queueArn);
    }
    for (const letters of spec.deadLettersTo ?? []) {
      lambda.allow(['sqs:SendMessage'], queues.deadLetterQueues[letters].queueArn);
    }
    if (spec.putsEvents) lambda.allow(['events:PutEvents'], eventBus.eventBusArn);
    for (const method of spec.connections ?? []) {
      const connections = clientApi.connectionsArn(method);
      lambda.allow(['execute-api:ManageConnections'], connections);
      acknowledgeWildcard(this, connections, 'Connections come and go; these are those of our own stage.');
    }
    return lambda;
  }
}

const environmentOf = ({
  tables,
  queues,
  eventBus,
  clientApi,
  backend,
  ...limits
}: FunctionsProps): Record<Var, string> => ({
  BACKEND_NAME: backend,
  CONNECTIONS_TABLE: tables.connections.tableName,
  DEVICES_TABLE: tables.devices.tableName,
  MESSAGES_TABLE: tables.messages.tableName,
  PUBLISHES_TABLE: tables.publishes.tableName,
  SUBSCRIPTIONS_TABLE: tables.subscriptions.tableName,
  MEMBERS_TABLE: tables.members.tableName,
  CURSORS_TABLE: tables.cursors.tableName,
  OUTBOX_TABLE: tables.outbox.tableName,
  PRESENCE_TABLE: tables.presence.tableName,
  RECONCILE_QUEUE_URL: queues.byName.reconcile.queueUrl,
  FAN_OUT_QUEUE_URL: queues.byName['fan-out'].queueUrl,
  OUTBOX_QUEUE_URL: queues.byName.outbox.queueUrl,
  LATER_QUEUE_URL: queues.byName.later.queueUrl,
  OUTBOX_DEAD_LETTERS_URL: queues.deadLetterQueues.FailedOutboxRows.queueUrl,
  EVENT_BUS_NAME: eventBus.eventBusName,
  CALLBACK_URL: clientApi.callbackUrl,
  MAX_CONNECTIONS_PER_USER: String(limits.maxConnectionsPerUser),
  MAX_DEVICES_PER_USER: String(limits.maxDevicesPerUser),
  FRAME_RATE: String(limits.frameRate),
  MAX_SUBSCRIPTIONS: String(limits.maxSubscriptions),
  EVERYONE: String(limits.everyone),
  OPEN_TOPICS: limits.openTopics.join(','),
  FAN_OUT_PAGE: String(limits.fanOutPage),
  FAN_OUT_RATE: String(limits.fanOutRate),
  APP_MESSAGES: String(limits.appMessages),
  EVENTS: String(limits.events),
  OFFLINE_AFTER_SECONDS: String(limits.offlineAfterSeconds),
  STOMP: limits.stomp ? 'true' : '',
  MAX_PENDING_PER_ADDRESS: limits.stomp ? String(limits.maxPendingPerAddress) : '',
  MAX_PENDING: limits.stomp ? String(limits.maxPending) : '',
  DEFAULT_RETENTION_SECONDS: String(limits.defaultRetention.toSeconds()),
  CLOSED_TYPES: String(limits.closedTypes),
  LOG_SAMPLING: String(limits.logSampling),
});
