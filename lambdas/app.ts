/** Puts the Lambdas that keep state together: the only place that creates a client of DynamoDB and reads the clock. */
import { randomFillSync } from 'node:crypto';
import { createDynamoDb, createManagementApi } from '#aws-client';
import { createGateway } from './adapters/api-gateway/gateway.ts';
import { createConnectionStore } from './adapters/dynamodb/connection-store.ts';
import { createDeviceStore } from './adapters/dynamodb/device-store.ts';
import { createLogStore } from './adapters/dynamodb/log-store.ts';
import type { App } from './domain/app.ts';
import { createChannelLog } from './domain/log/channel-log.ts';
import type { Clock, Ids } from './domain/ports.ts';
import type { MessageTypes } from './domain/publish/message-types.ts';
import { type Env, readAccess } from './env.ts';
import { createLogger } from './logger.ts';
import { uuidv7 } from './uuidv7.ts';
import { dialectOf } from './wire/dialect.ts';

const clock: Clock = {
  now: Date.now,
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

const ids: Ids = {
  next: () => uuidv7(Date.now(), randomFillSync(new Uint8Array(10))),
  random: Math.random,
};

/** `lambda`: its name in the logs. `types`: only who publishes looks at them. */
export function createApp(lambda: string, env: Env, types: MessageTypes = {}): App {
  const { tables, settings, backend, dynamodbEndpoint: endpoint, callbackOverride: override } = env;
  const dynamodb = createDynamoDb({ readAccess, endpoint });
  const logger = createLogger(lambda, undefined, clock.now, backend);
  return {
    connections: createConnectionStore(dynamodb, tables.connections, clock.now),
    devices: createDeviceStore(dynamodb, tables.devices, clock.now),
    log: createChannelLog({ store: createLogStore(dynamodb, tables), clock, ids, logger }),
    gateway: createGateway(logger, createManagementApi({ readAccess, override })),
    cutReplay: (dialect, range) => dialectOf(dialect).replay(range),
    clock,
    ids,
    logger,
    settings,
    types,
  };
}
