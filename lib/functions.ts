/** The six Lambdas that keep state, and what each may do: nothing that is not in the list below. */
import type { Duration } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { TableNames } from '../lambdas/adapters/dynamodb/tables.ts';
import type { AppVar, MetricsVar } from '../lambdas/env.ts';
import { acknowledgeKeyGrants, TABLE_KEY_ACTIONS } from './encryption.ts';
import type { HandlerName } from './handlers.ts';
import { HeraldFunction, type TableAction } from './herald-function.ts';
import type { MessageTypesSource } from './lambda-code.ts';
import type { LogSettings } from './logs.ts';
import { acknowledgeWildcard } from './nag.ts';
import type { Tables } from './tables.ts';
import type { ClientApi } from './websocket-api.ts';

export type StatefulName = Exclude<HandlerName, 'authorizer'>;

interface Part extends Partial<Record<keyof TableNames, readonly TableAction[]>> {
  readonly description: string;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  /** What it may do to open connections: send a frame, close. */
  readonly gateway?: readonly ('POST' | 'DELETE')[];
}

/** What stands behind an API answers within its integration time-out of 29 s. */
export const PARTS: Record<StatefulName, Part> = {
  connect: {
    description: 'writes the row of a connection that opens',
    timeoutSeconds: 10,
    memoryMegabytes: 512,
    connections: ['PutItem', 'Query', 'UpdateItem', 'DeleteItem'],
  },
  disconnect: {
    description: 'forgets a connection that closed',
    timeoutSeconds: 10,
    memoryMegabytes: 512,
    connections: ['DeleteItem'],
  },
  message: {
    description: 'obeys the frames of a client: ack, sync, ping',
    timeoutSeconds: 29,
    memoryMegabytes: 512,
    connections: ['GetItem', 'UpdateItem', 'DeleteItem'],
    devices: ['GetItem', 'PutItem', 'Query', 'UpdateItem'],
    messages: ['GetItem', 'PutItem', 'Query'],
    gateway: ['POST', 'DELETE'],
  },
  notify: {
    description: 'stores a notification and delivers it',
    timeoutSeconds: 29,
    memoryMegabytes: 1024,
    connections: ['Query', 'UpdateItem', 'DeleteItem'],
    devices: ['GetItem', 'PutItem', 'UpdateItem'],
    messages: ['GetItem', 'PutItem'],
    publishes: ['PutItem'],
    gateway: ['POST'],
  },
  reconcile: {
    description: 'sends devices what they missed, and closes connections',
    timeoutSeconds: 120,
    memoryMegabytes: 1024,
    connections: ['GetItem', 'UpdateItem', 'DeleteItem'],
    devices: ['GetItem', 'PutItem', 'Query', 'UpdateItem'],
    messages: ['GetItem', 'PutItem', 'Query'],
    gateway: ['POST', 'DELETE'],
  },
  users: {
    description: 'answers what operators ask about a user',
    timeoutSeconds: 29,
    memoryMegabytes: 512,
    connections: ['Query', 'UpdateItem', 'DeleteItem'],
    devices: ['Query'],
    messages: ['GetItem', 'Query'],
    gateway: ['POST', 'DELETE'],
  },
};

export interface FunctionsProps {
  readonly tables: Tables;
  readonly clientApi: ClientApi;
  readonly maxConnectionsPerUser: number;
  readonly defaultRetention: Duration;
  readonly closedTypes: boolean;
  readonly logs: LogSettings;
  /** Its name in the metrics. */
  readonly backend: string;
  /** That of the tables. */
  readonly encryptionKey: IKey | undefined;
  readonly provisionedConcurrency: Partial<Record<HandlerName, number>>;
  readonly messageTypes: MessageTypesSource | undefined;
}

export class Functions extends Construct {
  readonly byName: Record<StatefulName, HeraldFunction>;

  constructor(scope: Construct, id: string, props: FunctionsProps) {
    super(scope, id);
    if (props.encryptionKey) acknowledgeKeyGrants(this);
    const environment = environmentOf(props);
    this.byName = {
      connect: this.#create('connect', environment, props),
      disconnect: this.#create('disconnect', environment, props),
      message: this.#create('message', environment, props),
      notify: this.#create('notify', environment, props),
      reconcile: this.#create('reconcile', environment, props),
      users: this.#create('users', environment, props),
    };
  }

  #create(
    name: StatefulName,
    environment: Record<AppVar | MetricsVar, string>,
    { tables, clientApi, encryptionKey, logs, messageTypes, provisionedConcurrency }: FunctionsProps,
  ) {
    const part = PARTS[name];
    const lambda = new HeraldFunction(this, name, {
      ...part,
      environment,
      logs,
      messageTypes,
      provisionedConcurrency: provisionedConcurrency[name],
    });
    if (encryptionKey) lambda.allow(TABLE_KEY_ACTIONS, encryptionKey.keyArn);
    for (const table of ['connections', 'devices', 'messages', 'publishes'] as const) {
      const actions = part[table];
      if (actions) lambda.allowTable(tables[table], actions);
    }
    for (const method of part.gateway ?? []) {
      const connections = clientApi.connectionsArn(method);
      lambda.allow(['execute-api:ManageConnections'], connections);
      acknowledgeWildcard(this, connections, 'Connections come and go; these are those of our own stage.');
    }
    return lambda;
  }
}

const environmentOf = ({
  tables,
  clientApi,
  backend,
  ...limits
}: FunctionsProps): Record<AppVar | MetricsVar, string> => ({
  BACKEND_NAME: backend,
  CONNECTIONS_TABLE: tables.connections.tableName,
  DEVICES_TABLE: tables.devices.tableName,
  MESSAGES_TABLE: tables.messages.tableName,
  PUBLISHES_TABLE: tables.publishes.tableName,
  CALLBACK_URL: clientApi.callbackUrl,
  MAX_CONNECTIONS_PER_USER: String(limits.maxConnectionsPerUser),
  DEFAULT_RETENTION_SECONDS: String(limits.defaultRetention.toSeconds()),
  CLOSED_TYPES: String(limits.closedTypes),
});
