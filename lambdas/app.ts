/**
 * Puts the Lambdas that keep state together: the only place that creates a client of DynamoDB and
 * reads the clock.
 */
import { randomFillSync } from 'node:crypto';
import { createDynamoDb, createManagementApi } from '#aws-client';
import { createGateway } from './adapters/api-gateway/gateway.ts';
import { createConnectionStore } from './adapters/dynamodb/connection-store.ts';
import { createLogStore } from './adapters/dynamodb/log-store.ts';
import { createPendingStore } from './adapters/dynamodb/pending-store.ts';
import { createSocketStore } from './adapters/dynamodb/socket-store.ts';
import { createStores } from './adapters/dynamodb/stores.ts';
import { createEventBus } from './adapters/event-bus/event-bus.ts';
import { createFanOutQueue } from './adapters/queue/fan-out.ts';
import { createLater } from './adapters/queue/later.ts';
import { createEventSender } from './aws/event-bridge.ts';
import { createBatchSender, createQueueSender } from './aws/sqs.ts';
import type { App } from './domain/app.ts';
import { createAcceptances } from './domain/connection/acceptances.ts';
import type { OpeningApp } from './domain/connection/open.ts';
import { createChannelLog } from './domain/log/channel-log.ts';
import type { Clock, Ids } from './domain/ports/clock.ts';
import type { MessageTypes } from './domain/publish/message-types.ts';
import { createFrameRates } from './domain/session/frame-rates.ts';
import { type Env, readAccess } from './env.ts';
import { createLogger } from './logger.ts';
import { uuidv7 } from './uuidv7.ts';
import { dialectOf } from './wire/dialect.ts';
import { encodeForAll } from './wire/stomp/encode-all.ts';

const clock: Clock = {
  now: Date.now,
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

const ids: Ids = {
  next: () => uuidv7(Date.now(), randomFillSync(new Uint8Array(10))),
  random: Math.random,
};

/** What `connect` and `disconnect` need. `lambda`: its name in the logs. */
export const createRowsApp = (lambda: string, env: Env): OpeningApp => ({
  ...createSurroundings(lambda, env),
  connections: createConnectionStore(connect(env), env.tables, clock.now),
});

export const createSurroundings = (lambda: string, env: Env) => ({
  clock,
  ids,
  logger: createLogger(lambda, env.log),
  settings: env.settings,
});

/** The application's bus, and work for later. */
export const createBusAndQueues = (env: Env) => ({
  bus: createEventBus(createEventSender({ ...env.eventBus, readAccess })),
  later: createLater({
    reconcile: createQueueSender({ ...env.reconcileQueue, readAccess }),
    later: createQueueSender({ ...env.laterQueue, readAccess }),
  }),
});

/** The sockets that wait for their `CONNECT`. */
export const createPending = (env: Env) => ({
  pending: createPendingStore(connect(env), env.tables, clock.now),
});

/** Writes to clients of STOMP, too. */
export const createGatewayForAll = (lambda: string, env: Env) => {
  const api = createManagementApi({ readAccess, override: env.callbackOverride });
  return { gateway: createGateway(createSurroundings(lambda, env).logger, api, encodeForAll) };
};

/** What serving the sockets of STOMP takes. */
export const createSockets = (lambda: string, env: Env) => ({
  ...createGatewayForAll(lambda, env),
  ...createPending(env),
  sockets: createSocketStore(connect(env), env.tables, clock.now),
});

/** `types`: only who publishes looks at them. */
export function createApp(lambda: string, env: Env, types: MessageTypes = {}): App {
  const { tables, settings, callbackOverride: override } = env;
  const dynamodb = connect(env);
  const surroundings = createSurroundings(lambda, env);
  const { logger } = surroundings;
  return {
    ...surroundings,
    ...createStores(dynamodb, tables, clock.now),
    log: createChannelLog({ store: createLogStore(dynamodb, tables), clock, ids, logger }),
    gateway: createGateway(logger, createManagementApi({ readAccess, override })),
    ...createBusAndQueues(env),
    fanOut: createFanOutQueue(createBatchSender({ ...env.fanOutQueue, readAccess })),
    acceptances: createAcceptances(),
    frameRates: createFrameRates(settings.frameRate),
    cutReplay: (dialect, range) => dialectOf(dialect).replay(range),
    fitHistory: (dialect, frame) => dialectOf(dialect).fitHistory(frame),
    types,
  };
}

/** A client of DynamoDB. */
export const connect = ({ dynamodbEndpoint: endpoint }: Env) => createDynamoDb({ readAccess, endpoint });
