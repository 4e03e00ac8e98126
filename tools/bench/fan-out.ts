/** 8. What does a message to a topic cost for each who hears it, and does that grow with their number? */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { BatchWriteCommand, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createGateway } from '../../lambdas/adapters/api-gateway/gateway.ts';
import { subscriptionRowOf } from '../../lambdas/adapters/dynamodb/subscription-rows.ts';
import { createManagementApi } from '../../lambdas/aws/lean/management-api.ts';
import { findStart } from '../../lambdas/domain/cursor.ts';
import { type Channel, topicChannel } from '../../lambdas/domain/model.ts';
import { ALL_SUBSCRIBERS } from '../../lambdas/domain/ports/subscription-store.ts';
import { serveRange } from '../../lambdas/domain/publish/fan-out.ts';
import { publish } from '../../lambdas/domain/publish/publish.ts';
import { createLogger } from '../../lambdas/logger.ts';
import { LAMBDAS } from '../../lambdas/manifest.ts';
import type { AckMode } from '../../lambdas/protocol/frames.ts';
import { TABLE_NAMES } from '../../local/emulator/environment.ts';
import { PRICES, type PriceName } from '../cost/prices.ts';
import { megabytesInUse } from './memory.ts';
import { cpuMsOf, descendantsOf } from './processes.ts';
import { type Call, LOCAL_ACCESS, readyConnection, startRecordedApp } from './recorded-app.ts';
import type { Question, Row } from './result.ts';
import { median } from './statistics.ts';
import { notificationTo } from './units.ts';

/** Who hear the topics. */
const SIZES = [100, 1000, 10_000];
const [SMALLEST = 0, MIDDLE = 0, LARGEST = 0] = SIZES;
/** So that each size posts about as often in a turn. */
const DELIVERIES_PER_TURN = 10_000;
const TURNS = 5;
const WARM_UP = 20;

/** Nothing holds the worker back but its own work. */
const UNPACED = { deadlineAt: Number.MAX_SAFE_INTEGER, perSecond: 1_000_000 };
/** What a worker posts a second by default: its share of `fanOutRate`. */
const POSTS_PER_WORKER = 5000 / LAMBDAS['fan-out'].queues[0].maxConcurrency;

/** Of one broadcast. */
interface Broadcast {
  calls: Call[];
  ranges: number;
  loggedBytes: number;
}

type Bench = Awaited<ReturnType<typeof startBench>>;

async function startBench() {
  const sink = fork(fileURLToPath(new URL('./sink-child.ts', import.meta.url)));
  const [endpoint] = (await once(sink, 'message')) as [string];
  let loggedBytes = 0;
  let whenPosted = (_posts: number) => {};
  let posts = 0;
  const logger = createLogger('fan-out', {
    write: (line) => {
      loggedBytes += line.length + 1;
    },
  });
  const gateway = createGateway(logger, createManagementApi({ readAccess: () => LOCAL_ACCESS }));
  const recorded = await startRecordedApp({
    logger,
    gateway: {
      ...gateway,
      post(connection, frame) {
        whenPosted(++posts);
        return gateway.post(connection, frame);
      },
    },
  });
  const { app, takeCalls, takeRanges } = recorded;
  return {
    client: recorded.client,
    endpoint,
    /** One worker does all ranges, one after the other. */
    async broadcast(channel: Channel, posted = (_posts: number) => {}): Promise<Broadcast> {
      [loggedBytes, posts, whenPosted] = [0, 0, posted];
      takeCalls();
      await publish(app, notificationTo([channel]));
      const ranges = takeRanges();
      for (const range of ranges) await serveRange(app, range, UNPACED);
      return { calls: takeCalls(), ranges: ranges.length, loggedBytes };
    },
    /** The devices that hear it get their cursors, as when they subscribe. */
    async acquaintAll(channel: Channel) {
      const head = await app.log.open(channel);
      const { subscriptions } = await app.subscriptions.page(channel, ALL_SUBSCRIBERS, MIDDLE);
      for (const subscription of subscriptions) await findStart(app, subscription, head);
    },
    async stop() {
      sink.disconnect();
      await recorded.stop();
    },
  };
}

export const measure: Question = async (progress) => {
  const bench = await startBench();
  try {
    for (const size of SIZES) {
      progress(`${size.toLocaleString('en')} subscribers`);
      await subscribeAll(bench, channelOf(size), { count: size, ackMode: 'client' });
    }
    const plain = topicChannel('plain-clients');
    await subscribeAll(bench, plain, { count: MIDDLE, ackMode: 'auto' });
    for (let round = 0; round < WARM_UP; round++) await bench.broadcast(channelOf(SMALLEST));
    const cpu = await measureCpu(bench, progress);
    const memory = await measureMemory(bench, progress);
    progress('units');
    const broadcasts = new Map<number, Broadcast>();
    for (const size of SIZES) broadcasts.set(size, await bench.broadcast(channelOf(size)));
    await bench.acquaintAll(plain);
    return report({ cpu, memory, broadcasts, plain: await bench.broadcast(plain) });
  } finally {
    await bench.stop();
  }
};

const channelOf = (size: number): Channel => topicChannel(`of-${size}`);

/** Rows as subscribes would have left them. */
async function subscribeAll(
  { client, endpoint }: Bench,
  channel: Channel,
  { count, ackMode }: { count: number; ackMode: AckMode },
): Promise<void> {
  const documents = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  const rows = Array.from({ length: count }, (_, user) => {
    const connection = { ...readyConnection(`user-of-${channel.name}-${user}`, 0), ackMode, endpoint };
    return subscriptionRowOf(channel.name, connection, { permitted: true, readyAt: connection.readyAt });
  });
  const worker = async () => {
    while (rows.length > 0) {
      const requests = rows.splice(0, 25).map((Item) => ({ PutRequest: { Item } }));
      const RequestItems = { [TABLE_NAMES.subscriptions]: requests };
      await documents.send(new BatchWriteCommand({ RequestItems }));
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

/** Microseconds of one delivery, by size. */
interface Cpu {
  ours: Map<number, number>;
  database: Map<number, number>;
}

/** By turns, so that the machine's moods hit all alike. */
async function measureCpu(bench: Bench, progress: (text: string) => void): Promise<Cpu> {
  const ours = new Map(SIZES.map((size) => [size, [] as number[]]));
  const database = new Map(SIZES.map((size) => [size, [] as number[]]));
  for (let turn = 1; turn <= TURNS; turn++) {
    progress(`CPU, turn ${turn}/${TURNS}`);
    for (const size of SIZES) {
      const before = { own: process.cpuUsage(), database: databaseMs() };
      for (let sent = 0; sent < DELIVERIES_PER_TURN; sent += size) await bench.broadcast(channelOf(size));
      const { user, system } = process.cpuUsage(before.own);
      ours.get(size)?.push((user + system) / DELIVERIES_PER_TURN);
      database.get(size)?.push(((databaseMs() - before.database) * 1000) / DELIVERIES_PER_TURN);
    }
  }
  const medians = (taken: Map<number, number[]>) =>
    new Map([...taken].map(([size, values]) => [size, median(values)]));
  return { ours: medians(ours), database: medians(database) };
}

const databaseMs = (): number =>
  descendantsOf(process.pid)
    .filter(({ command }) => command.includes('dynoxide'))
    .reduce((sum, { pid }) => sum + cpuMsOf(pid), 0);

/** While nine tenths are posted, after garbage collection. */
async function measureMemory(
  bench: Bench,
  progress: (text: string) => void,
): Promise<Record<'few' | 'many', number>> {
  progress('memory');
  const inUse = async (size: number) => {
    let megabytes = Number.NaN;
    const at = Math.floor(size * 0.9);
    await bench.broadcast(channelOf(size), (posts) => {
      if (posts === at) megabytes = megabytesInUse();
    });
    return megabytes;
  };
  return { few: await inUse(MIDDLE), many: await inUse(LARGEST) };
}

interface Measured {
  cpu: Cpu;
  memory: Record<'few' | 'many', number>;
  broadcasts: Map<number, Broadcast>;
  plain: Broadcast;
}

function report({ cpu, memory, broadcasts, plain }: Measured) {
  const of = (size: number): Broadcast =>
    broadcasts.get(size) ?? { calls: [], ranges: 0, loggedBytes: Number.NaN };
  const unitsOf = (size: number) => units(of(size)) / size;
  const cpuOf = (size: number) => cpu.ours.get(size) ?? Number.NaN;
  const perMillion = (dollars: number, deliveries: number) => (dollars / deliveries) * 1_000_000;
  const price = perMillion(priceOf(of(LARGEST), LARGEST), LARGEST);
  const logs = perMillion(paid('logs', of(LARGEST).loggedBytes / 1024 ** 3), LARGEST);
  const flat = (what: string, unit: string, value: (size: number) => number): Row[] =>
    [MIDDLE, LARGEST].map((size) => ({
      what: `topic of ${size.toLocaleString('en')} instead of ${SMALLEST}: ${what}`,
      unit,
      ours: value(size),
      floor: value(SMALLEST),
      goal: 'at most 20 % more',
      held: value(size) <= 1.2 * value(SMALLEST),
    }));
  const printed = (what: string, unit: string, ours: number): Row => ({ what, unit, ours, goal: 'printed' });
  const large = `topic of ${LARGEST.toLocaleString('en')}`;
  return {
    title: 'A message to a topic',
    rows: [
      ...flat('CPU of the Lambdas a delivery', 'µs', cpuOf),
      ...flat('read and write units a delivery', 'units', unitsOf),
      printed(
        `${large}: CPU of the local DynamoDB server a delivery`,
        'µs',
        cpu.database.get(LARGEST) ?? Number.NaN,
      ),
      printed(`${large}: read units a delivery`, 'RRU', sum(of(LARGEST).calls, 'readUnits') / LARGEST),
      printed(`${large}: write units a delivery`, 'WRU', sum(of(LARGEST).calls, 'writeUnits') / LARGEST),
      printed(
        `${large}: calls to DynamoDB and SQS a delivery`,
        'calls',
        callsBesidesPosts(of(LARGEST)) / LARGEST,
      ),
      printed(`${large}: ranges`, 'ranges', of(LARGEST).ranges),
      {
        what: `worker’s memory in use at a topic of ${LARGEST.toLocaleString('en')} instead of ${MIDDLE.toLocaleString('en')}`,
        unit: 'MB',
        ours: memory.many,
        floor: memory.few,
        goal: 'ratio ≤ 1.1',
        held: memory.many <= 1.1 * memory.few,
      },
      {
        what: `price of a million deliveries, ${large}`,
        unit: '$',
        ours: price,
        floor: PRICES.webSocketMessages.usd,
        goal: '≤ $1.15',
        held: price <= 1.15,
      },
      printed('the same with the log’s lines', '$', price + logs),
      printed(
        `the same, plain clients in mode auto (a topic of ${MIDDLE.toLocaleString('en')})`,
        '$',
        perMillion(priceOf(plain, MIDDLE), MIDDLE),
      ),
    ],
    notes: [
      `The publish and its ranges as the Lambdas do them, one worker after the other and unpaced, on the local DynamoDB server; the posts go to a server that takes each at once, in place of so many real sockets. Floor: a topic of ${SMALLEST}, of the price the WebSocket messages alone.`,
      `Prices: list prices of us-east-1 for the counted units, messages, requests to SQS and runs of Lambdas, and a worker’s time at ${POSTS_PER_WORKER} posts a second. The log has a line for each delivery, ${Math.round(of(LARGEST).loggedBytes / LARGEST)} bytes. A client in mode auto costs the writes of its cursor besides, one in mode client its acks, which the client library sends for many messages at once.`,
    ],
  };
}

const sum = (calls: Call[], kind: 'readUnits' | 'writeUnits'): number =>
  calls.reduce((total, call) => total + call[kind], 0);

const units = ({ calls }: Broadcast): number => sum(calls, 'readUnits') + sum(calls, 'writeUnits');

const callsBesidesPosts = ({ calls }: Broadcast): number =>
  calls.filter(({ operation }) => operation !== 'Post').length;

const paid = (name: PriceName, quantity: number): number => (quantity / PRICES[name].per) * PRICES[name].usd;

/** SQS: each message is received and deleted, besides the requests that sent it. */
function priceOf({ calls, ranges }: Broadcast, deliveries: number): number {
  const requests = calls.filter(({ operation }) => operation === 'SendMessageBatch').length + 2 * ranges;
  const workerSeconds = deliveries / POSTS_PER_WORKER;
  const gigabytes = LAMBDAS['fan-out'].memoryMegabytes / 1024;
  return (
    paid('webSocketMessages', deliveries) +
    paid('writeUnits', sum(calls, 'writeUnits')) +
    paid('readUnits', sum(calls, 'readUnits')) +
    paid('queueRequests', requests) +
    paid('lambdaRequests', 1 + ranges) +
    paid('lambdaSeconds', workerSeconds * gigabytes)
  );
}
