/** The domain on a real DynamoDB server, with every call to it and every post written down: what, when, how many units. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createLogStore } from '../../lambdas/adapters/dynamodb/log-store.ts';
import { createStores } from '../../lambdas/adapters/dynamodb/stores.ts';
import type { DynamoDb, Operation, Operations } from '../../lambdas/aws/dynamodb.ts';
import { createDynamoDb } from '../../lambdas/aws/lean/dynamodb.ts';
import type { App } from '../../lambdas/domain/app.ts';
import { createAcceptances } from '../../lambdas/domain/connection/acceptances.ts';
import { createChannelLog } from '../../lambdas/domain/log/channel-log.ts';
import { type Connection, EVERYONE } from '../../lambdas/domain/model.ts';
import type { FanOutTask } from '../../lambdas/domain/ports/fan-out.ts';
import type { Gateway } from '../../lambdas/domain/ports/gateway.ts';
import type { Logger } from '../../lambdas/domain/ports/logger.ts';
import { createFrameRates } from '../../lambdas/domain/session/frame-rates.ts';
import { messageTypes } from '../../lambdas/message-types.ts';
import { uuidv7 } from '../../lambdas/uuidv7.ts';
import { dialectOf } from '../../lambdas/wire/dialect.ts';
import { startDynamoDb } from '../../local/emulator/dynamodb.ts';
import { TABLE_NAMES } from '../../local/emulator/environment.ts';
import { createTables } from '../../local/emulator/tables.ts';

export interface Call {
  operation: string;
  startedAt: number;
  endedAt: number;
  readUnits: number;
  writeUnits: number;
}

interface Capacity {
  CapacityUnits?: number;
  ReadCapacityUnits?: number;
  WriteCapacityUnits?: number;
}

export interface RecordedAppOptions {
  /** Where posts go. @default nowhere, and each is accepted */
  gateway?: Gateway;
  /** @default says nothing */
  logger?: Logger;
}

/** What the local servers take. */
export const LOCAL_ACCESS = {
  region: 'us-east-1',
  accessKeyId: 'local',
  secretAccessKey: 'local',
  sessionToken: undefined,
};

export async function startRecordedApp({ gateway, logger }: RecordedAppOptions = {}) {
  const server = await startDynamoDb();
  const client = new DynamoDBClient({
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  await createTables(client, TABLE_NAMES);
  const calls: Call[] = [];
  const dynamodb = createDynamoDb({ readAccess: () => LOCAL_ACCESS, endpoint: server.endpoint });
  const ranges: FanOutTask[] = [];
  const app = createRecordedApp(recorded(dynamodb, calls), { calls, ranges, gateway, logger });
  return {
    app,
    /** What publishes have queued since the last time it was asked. */
    takeRanges: () => ranges.splice(0),
    /** The next append reads the head of its channel. */
    forgetHeads: () => {
      app.log = createRecordedLog(app, recorded(dynamodb, calls));
    },
    client,
    dynamodbUrl: server.endpoint,
    /** Since the last time it was asked. */
    takeCalls: () => calls.splice(0),
    stop: async () => {
      client.destroy();
      await server.stop();
    },
  };
}

const recorded = (dynamodb: DynamoDb, calls: Call[]): DynamoDb => ({
  async call<Name extends Operation>(operation: Name, input: Operations[Name]['input']) {
    const startedAt = performance.now();
    const result = await dynamodb.call(operation, { ...input, ReturnConsumedCapacity: 'TOTAL' });
    const { ConsumedCapacity = [] } = result as { ConsumedCapacity?: Capacity | Capacity[] };
    const units = [ConsumedCapacity].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
    const isRead = /Get|Query/.test(operation);
    calls.push({
      operation,
      startedAt,
      endedAt: performance.now(),
      readUnits: isRead ? units : 0,
      writeUnits: isRead ? 0 : units,
    });
    return result;
  },
});

const createRecordedLog = (
  { clock, ids, logger }: Pick<App, 'clock' | 'ids' | 'logger'>,
  dynamodb: DynamoDb,
) => createChannelLog({ store: createLogStore(dynamodb, TABLE_NAMES), clock, ids, logger });

interface Recording extends RecordedAppOptions {
  calls: Call[];
  ranges: FanOutTask[];
}

export const SILENT: Logger = { info() {}, warn() {}, error() {}, metrics() {} };
const ACCEPTS_ALL: Gateway = { post: async () => 'sent', close: async () => 'sent' };

function createRecordedApp(
  dynamodb: DynamoDb,
  { calls, ranges, gateway = ACCEPTS_ALL, logger = SILENT }: Recording,
): App {
  const clock = {
    now: Date.now,
    sleep: (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds)),
  };
  const ids = {
    next: () => uuidv7(Date.now(), crypto.getRandomValues(new Uint8Array(10))),
    random: Math.random,
  };
  const record = (operation: string) => {
    const at = performance.now();
    calls.push({ operation, startedAt: at, endedAt: at, readUnits: 0, writeUnits: 0 });
  };
  return {
    ...createStores(dynamodb, TABLE_NAMES, Date.now),
    log: createRecordedLog({ clock, ids, logger }, dynamodb),
    gateway: {
      post(connection, frame) {
        record('Post');
        return gateway.post(connection, frame);
      },
      close: gateway.close,
    },
    later: {
      reconcile: async () => undefined,
      escalate: async () => record('SendMessage'),
      checkOffline: async () => undefined,
    },
    fanOut: {
      async send(tasks) {
        // SQS takes ten messages in one request.
        for (let sent = 0; sent < tasks.length; sent += 10) record('SendMessageBatch');
        ranges.push(...tasks);
      },
    },
    bus: { put: async () => undefined },
    acceptances: createAcceptances(),
    frameRates: createFrameRates(1_000),
    cutReplay: (dialect, range) => dialectOf(dialect).replay(range),
    fitHistory: (dialect, frame) => dialectOf(dialect).fitHistory(frame),
    clock,
    ids,
    logger,
    settings: {
      callbackUrl: 'http://127.0.0.1:1/local',
      maxConnectionsPerUser: 10_000,
      maxDevicesPerUser: 1_000,
      frameRate: 1_000,
      maxSubscriptions: 100,
      everyone: true,
      openTopics: [],
      fanOutPage: 256,
      fanOutRate: 100_000,
      appMessages: false,
      events: false,
      offlineAfterSeconds: 30,
      defaultRetentionSeconds: 604_800,
      closedTypes: false,
      logSampling: 100,
    },
    types: messageTypes,
  };
}

/** A connection as it stands once it is ready. */
export const readyConnection = (userId: string, device: number): Connection => ({
  userId,
  connectionId: `Xk3vQf1_${userId}-${device}=`,
  deviceId: `device-${device}`,
  dialect: 'herald.v1',
  ackMode: 'client',
  handover: false,
  connectedAt: Date.now() - 120_000,
  tokenExpiresAt: Date.now() + 3_600_000,
  endpoint: 'http://127.0.0.1:1/local',
  channels: new Set([EVERYONE.name]),
  readyAt: Date.now() - 119_000,
  startsAt: undefined,
  paused: undefined,
  bye: undefined,
  expiresAt: Math.ceil((Date.now() + 7_200_000) / 1000) * 1000,
});
