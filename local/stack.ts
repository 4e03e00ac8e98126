/** The whole backend on one machine: our Lambdas, unchanged, on a gateway, a DynamoDB server and the services around them. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { TableNames } from '../lambdas/adapters/dynamodb/tables.ts';
import type { LambdaName } from '../lambdas/manifest.ts';
import { readJwtSecret } from './cli/token.ts';
import { createConsole } from './console/console.ts';
import type { AppSettings } from './emulator/app-settings.ts';
import { createAsyncInvoker } from './emulator/async-invoker.ts';
import { startDynamoDb } from './emulator/dynamodb.ts';
import { JWT_SECRET_NAME, TABLE_NAMES } from './emulator/environment.ts';
import { findStreams, startEventSources } from './emulator/event-sources.ts';
import type { GateOptions } from './emulator/gate.ts';
import { createWebSocketGateway } from './emulator/gateway/gateway.ts';
import { type Faults, type GatewaySettings, STAGE } from './emulator/gateway/settings.ts';
import { type Lambdas, REGION } from './emulator/lambdas.ts';
import { createQueues } from './emulator/queue/queues.ts';
import { HTTP_ROUTES } from './emulator/routes.ts';
import { listen } from './emulator/server.ts';
import { createHttpApi } from './emulator/services/http-api.ts';
import { createLocalRequests } from './emulator/services/local-requests.ts';
import { type LambdaOptions, startLambdas } from './emulator/start-lambdas.ts';
import { createStreamsClient } from './emulator/stream/client.ts';
import { createTables } from './emulator/tables.ts';
import { createStackLog } from './log.ts';

export interface StackOptions extends LambdaOptions {
  /** 0: any free one. */
  port: number;
  /** Where the data is kept. @default in memory */
  dataDir?: string | undefined;
  gateway?: Partial<GatewaySettings> | undefined;
  /** The delays of queued messages pass so many times as fast. @default 1 */
  queueSpeed?: number | undefined;
  /** How long what the tables' streams say is held back; AWS polls them, every 250 ms. @default 0 */
  streamDelayMs?: number | undefined;
  /** Who may speak to it, besides its own page and programs of this machine. */
  gate?: GateOptions | undefined;
  /** JSON lines as on AWS. @default lines for a reader */
  jsonLogs?: boolean | undefined;
  /** @default `HERALD_JWT_SECRET`, else a fixed one */
  jwtSecret?: string | undefined;
  /** Hears of every run of a Lambda that has ended, for measurements. */
  onInvoked?: ((name: string) => void) | undefined;
}

export interface Stack {
  port: number;
  wsUrl: string;
  httpUrl: string;
  dynamodbUrl: string;
  settings: AppSettings;
  /** What goes wrong at the gateway, for tests; may be changed at any time. */
  faults: Faults;
  stop(): Promise<void>;
}

/** What these write somebody waits for; to what the others write now and then the poller comes at Lambda's own rate. */
const AWAITED: readonly string[] = ['connect', 'users', 'topics'] satisfies LambdaName[];

/** A replay that waits for a client who has gone must not keep the stack from stopping. */
const STOP_DEADLINE_MS = 3000;

/** Rejects with an error of one line when it cannot start; then nothing of it is left running. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const stops: (() => unknown)[] = [];
  const stop = async () => {
    for (const stopPart of stops.splice(0).reverse()) await stopPart();
  };
  try {
    return { ...(await startParts(options, stops)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Each part puts into `stops` how it is stopped; the last one started is the first one stopped. */
async function startParts(options: StackOptions, stops: (() => unknown)[]): Promise<Omit<Stack, 'stop'>> {
  const { port, dataDir, jwtSecret = readJwtSecret(), onInvoked } = options;
  const { logger, lambdaLine } = createStackLog(options);
  const server = await listen(port, logger, options.gate);
  stops.push(server.stop);
  const httpUrl = `http://127.0.0.1:${server.port}`;

  const dynamodb = await startDynamoDb({ dataFile: dataDir && (await dataFile(dataDir)) });
  stops.push(dynamodb.stop);
  const streamArns = await prepareTables(dynamodb.endpoint);

  const surroundings = { httpUrl, dynamodbUrl: dynamodb.endpoint, told: lambdaLine };
  const own = await startLambdas(options, surroundings, stops);
  const { settings } = own;
  const console = await createConsole(jwtSecret, settings);
  const heard = notifying(console.watch(own.lambdas), (name) => onInvoked?.(name));
  const streams = createStreamsClient(dynamodb.endpoint);
  const eventSources = startEventSources({
    ...{ streams, streamArns, lambdas: heard, logger },
    events: settings.events === true,
    delayMs: options.streamDelayMs ?? 0,
  });
  stops.push(() => atMost(STOP_DEADLINE_MS, eventSources.stop()));
  const lambdas = notifying(heard, (name) => {
    if (AWAITED.includes(name)) eventSources.wake();
  });

  const queues = createQueues(heard, logger, options.queueSpeed);
  stops.push(() => atMost(STOP_DEADLINE_MS, queues.stop()));
  const asyncInvoker = createAsyncInvoker(lambdas, logger);
  stops.push(() => atMost(STOP_DEADLINE_MS, asyncInvoker.stop()));
  const gateway = createWebSocketGateway(lambdas, logger, {
    logDeliveries: options.quiet !== true,
    ...options.gateway,
  });
  stops.push(() => atMost(STOP_DEADLINE_MS, gateway.stop()));
  const httpApi = createHttpApi(lambdas, logger, { routes: HTTP_ROUTES });
  const secret = { name: JWT_SECRET_NAME, value: jwtSecret };
  const localRequests = createLocalRequests({
    dynamodb: dynamodb.endpoint,
    outboxTable: TABLE_NAMES.outbox,
    tables: TABLE_NAMES,
  });
  server.open({ lambdas, asyncInvoker, queues, gateway, httpApi, localRequests, console, secret });
  return {
    port: server.port,
    wsUrl: `ws://127.0.0.1:${server.port}/${STAGE}`,
    httpUrl,
    dynamodbUrl: dynamodb.endpoint,
    settings,
    faults: gateway.faults,
  };
}

async function dataFile(dir: string): Promise<string> {
  try {
    await mkdir(dir, { recursive: true });
  } catch (cause) {
    throw new Error(`The data directory ${dir} cannot be made: ${(cause as Error).message}`, { cause });
  }
  return join(dir, 'herald.sqlite');
}

const clientSettings = (endpoint: string) => ({
  endpoint,
  region: REGION,
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
});

/** Returns the ARNs of their streams. */
async function prepareTables(endpoint: string): Promise<ReadonlyMap<keyof TableNames, string>> {
  const client = new DynamoDBClient(clientSettings(endpoint));
  try {
    await createTables(client, TABLE_NAMES);
    return await findStreams(client, TABLE_NAMES);
  } finally {
    client.destroy();
  }
}

/** Calls `ended` after every run, however it ended. */
const notifying = (lambdas: Lambdas, ended: (name: string) => void): Lambdas => ({
  has: lambdas.has,
  invoke: (name, event, requestId) => lambdas.invoke(name, event, requestId).finally(() => ended(name)),
});

async function atMost(milliseconds: number, work: Promise<void>): Promise<void> {
  const { promise: deadline, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  await Promise.race([work, deadline]);
  clearTimeout(timer);
}
