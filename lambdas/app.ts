/** Puts the Lambdas that keep state together: the only place that creates clients of the SDK and reads the clock. */
import { randomFillSync } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { App } from './domain/app.ts';
import type { MessageTypes } from './domain/message-types.ts';
import type { Clock, Ids } from './domain/ports.ts';
import { type Env, readAccess } from './env.ts';
import { createGateway } from './gateway/gateway.ts';
import { createLogger } from './logger.ts';
import { createConnectionStore } from './store/connection-store.ts';
import { createDeviceStore } from './store/device-store.ts';
import { createMessageLog } from './store/message-log.ts';
import { uuidv7 } from './uuidv7.ts';

/** An unanswered call is given up early enough for a retry within the invocation; by default the SDK only warns. */
const HTTP_TIMEOUTS = { connectionTimeout: 1000, requestTimeout: 3000, throwOnRequestTimeout: true };

const clock: Clock = {
  now: Date.now,
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

const ids: Ids = {
  next: () => uuidv7(Date.now(), randomFillSync(new Uint8Array(10))),
  random: Math.random,
};

/** `lambda`: its name in the logs. `types`: only who publishes looks at them. */
export function createApp(lambda: string, { tables, settings, backend }: Env, types: MessageTypes = {}): App {
  const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient({ requestHandler: HTTP_TIMEOUTS }), {
    marshallOptions: { removeUndefinedValues: true },
  });
  const logger = createLogger(lambda, undefined, clock.now, backend);
  return {
    connections: createConnectionStore(dynamodb, tables.connections, clock.now),
    devices: createDeviceStore(dynamodb, tables.devices, clock.now),
    log: createMessageLog(dynamodb, tables),
    gateway: createGateway(logger, readAccess),
    clock,
    ids,
    logger,
    settings,
    types,
  };
}
