/** 5. Does anything get dearer as the logs, the devices and the users grow? */
import { BatchWriteCommand, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { toHeadRow, toMessageRow } from '../../lambdas/adapters/dynamodb/message-rows.ts';
import type { App } from '../../lambdas/domain/app.ts';
import { ownSubscription, userChannel } from '../../lambdas/domain/model.ts';
import type { Gateway } from '../../lambdas/domain/ports/gateway.ts';
import { publish } from '../../lambdas/domain/publish/publish.ts';
import { reconcile } from '../../lambdas/domain/session/reconcile.ts';
import { TABLE_NAMES } from '../../local/emulator/environment.ts';
import { megabytesInUse } from './memory.ts';
import { readyConnection, startRecordedApp } from './recorded-app.ts';
import type { Question, Row } from './result.ts';
import { median } from './statistics.ts';
import { notification } from './units.ts';

const LENGTHS = [10, 1000, 100_000];
const ROUNDS = 60;
const THOUSAND = 1000;
const MISSED = [100, THOUSAND, 10_000, 100_000];
const REPLAY_ROUNDS = 3;
const PUBLISHES = 2000;

type Bench = Awaited<ReturnType<typeof startRecordedApp>>;

export const measure: Question = async (progress) => {
  const told = createReplayWatch();
  const bench = await startRecordedApp({ gateway: told.gateway });
  try {
    for (const length of LENGTHS) {
      progress(`a log of ${length.toLocaleString('en')}`);
      await fillLog(bench, `log-${length}`, length);
      await bench.app.connections.add(readyConnection(`log-${length}`, 0), 'request');
    }
    const rows = [
      ...(await publishes(bench, progress)),
      ...(await devices(bench)),
      ...(await replays(bench, told, progress)),
      await publishesInMemory(bench, progress),
    ];
    progress('1,000 users with 5 connections');
    return { title: 'Growth', rows: [...rows, await lookUps(bench)] };
  } finally {
    await bench.stop();
  }
};

/** Rows as appends would have left them, without 100,000 transactions. */
async function fillLog({ client }: Bench, userId: string, length: number): Promise<void> {
  const channel = userChannel(userId).name;
  const now = Date.now();
  const documents = DynamoDBDocumentClient.from(client);
  const epoch = '0199c0de-0000-7000-8000-000000000000';
  const rows = Array.from({ length }, (_, index) =>
    toMessageRow(channel, {
      seq: index + 1,
      id: `id-${index}`,
      type: 'bench',
      data: JSON.stringify({ payload: 'x'.repeat(220) }),
      originUserId: undefined,
      originDeviceId: undefined,
      originTab: undefined,
      collapseKey: undefined,
      sentAt: now,
      expiresAt: now + 604_800_000,
    }),
  );
  rows.push({ ...toHeadRow(channel, { epoch, seq: length, updatedAt: now }) });
  const batches = Array.from({ length: Math.ceil(rows.length / 25) }, (_, at) =>
    rows.slice(at * 25, at * 25 + 25),
  );
  const worker = async () => {
    for (let batch = batches.pop(); batch; batch = batches.pop()) {
      const requests = batch.map((Item) => ({ PutRequest: { Item } }));
      await documents.send(new BatchWriteCommand({ RequestItems: { [TABLE_NAMES.messages]: requests } }));
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

/** By turns, so that the machine's moods hit all alike. */
async function publishes({ app, takeCalls }: Bench, progress: (text: string) => void): Promise<Row[]> {
  progress('publishing into short and long logs');
  const times = new Map(LENGTHS.map((length) => [length, [] as number[]]));
  const calls = new Map<number, number>();
  const units = new Map<number, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const length of LENGTHS) {
      takeCalls();
      times.get(length)?.push(await timed(() => publish(app, notification([`log-${length}`]))));
      const made = takeCalls();
      calls.set(length, made.length);
      units.set(
        length,
        made.reduce((sum, { readUnits, writeUnits }) => sum + readUnits + writeUnits, 0),
      );
    }
  }
  const [shortest = 0, , longest = 0] = LENGTHS;
  const row = (what: string, unit: string, of: (length: number) => number): Row => ({
    what: `publish into a log of 100,000 instead of 10: ${what}`,
    unit,
    ours: of(longest),
    floor: of(shortest),
    goal: 'ratio ≤ 1.1',
    held: of(longest) <= 1.1 * of(shortest),
  });
  return [
    row('time', 'ms', (length) => median(times.get(length) ?? [])),
    row('calls', 'calls', (length) => calls.get(length) ?? 0),
    row('units', 'units', (length) => units.get(length) ?? 0),
  ];
}

async function devices({ app, takeCalls }: Bench): Promise<Row[]> {
  const posts: number[] = [];
  await publish(app, notification(['many'])); // from now on the head is known
  for (let device = 0; device < 10; device++) {
    await app.connections.add(readyConnection('many', device), 'request');
    takeCalls();
    await publish(app, notification(['many']));
    posts.push(takeCalls().length - (device + 1));
  }
  const rest = posts.at(-1) ?? 0;
  return [
    {
      what: 'publish to 10 devices instead of 1: calls besides the posts',
      unit: 'calls',
      ours: rest,
      floor: posts[0] ?? 0,
      goal: 'the same; one post per device',
      held: posts.every((count, index) => index === 0 || count === rest),
    },
  ];
}

interface ReplayWatch {
  gateway: Gateway;
  /** The end of the last replay frame, and whether more follows it. */
  last(): { through: number; more: boolean };
}

function createReplayWatch(): ReplayWatch {
  let last = { through: 0, more: false };
  return {
    gateway: {
      async post(_connection, frame) {
        if (frame.event === 'replay') last = frame;
        return 'sent';
      },
      close: async () => 'sent',
    },
    last: () => last,
  };
}

/** By turns. What the replay of a single message costs is taken off each: it does not grow. */
async function replays({ app }: Bench, told: ReplayWatch, progress: (text: string) => void): Promise<Row[]> {
  const times = new Map([1, ...MISSED].map((missed) => [missed, [] as number[]]));
  const memory = new Map<number, number>();
  for (let round = 0; round < REPLAY_ROUNDS; round++) {
    for (const [missed, taken] of times) {
      progress(`replaying ${missed.toLocaleString('en')}, ${round + 1}/${REPLAY_ROUNDS}`);
      const repeats = missed < 10_000 ? 5 : 1;
      for (let repeat = 0; repeat < repeats; repeat++)
        taken.push(await timed(() => replayed(app, told, missed)));
      memory.set(missed, megabytesInUse());
    }
  }
  const fixed = median(times.get(1) ?? []);
  const perMessage = (missed: number) => ((median(times.get(missed) ?? []) - fixed) * 1000) / (missed - 1);
  const inUse = (missed: number) => memory.get(missed) ?? Number.NaN;
  return [
    ...MISSED.filter((missed) => missed !== THOUSAND).map((missed) => ({
      what: `replay of ${missed.toLocaleString('en')} messages instead of 1,000: time per message`,
      unit: 'µs',
      ours: perMessage(missed),
      floor: perMessage(THOUSAND),
      goal: 'within 20 %',
      held: perMessage(missed) <= 1.2 * perMessage(THOUSAND),
    })),
    {
      what: 'replay of 100,000 messages instead of 1,000: memory in use afterwards',
      unit: 'MB',
      ours: inUse(100_000),
      floor: inUse(THOUSAND),
      goal: 'ratio ≤ 1.1',
      held: inUse(100_000) <= 1.1 * inUse(THOUSAND),
    },
  ];
}

/** Window by window, each begun as the stream would begin it. Anonymous, so that no cursor moves. */
async function replayed(app: App, told: ReplayWatch, missed: number): Promise<void> {
  const userId = 'log-100000';
  const head = await app.log.head(userChannel(userId));
  const connection = { ...readyConnection(userId, 1), ackMode: 'auto' as const, deviceId: undefined };
  await app.connections.add(connection, 'request');
  let after = (head?.seq ?? 0) - missed;
  do {
    await reconcile(app, { ...ownSubscription(connection), after }, Number.MAX_SAFE_INTEGER);
    after = told.last().through;
  } while (told.last().more);
  if (after !== head?.seq) throw new Error(`a replay of ${missed} messages ended at ${after}`);
}

async function publishesInMemory({ app, takeCalls }: Bench, progress: (text: string) => void): Promise<Row> {
  progress('publishing to many users');
  const publishTo = async (users: number) => {
    for (let user = 0; user < users; user++) await publish(app, notification([`user-of-many-${user}`]));
    takeCalls();
    return megabytesInUse();
  };
  const few = await publishTo(PUBLISHES / 20);
  const many = await publishTo(PUBLISHES);
  return {
    what: `publishes to ${PUBLISHES.toLocaleString('en')} users instead of ${PUBLISHES / 20}: memory in use afterwards`,
    unit: 'MB',
    ours: many,
    floor: few,
    goal: 'ratio ≤ 1.1',
    held: many <= 1.1 * few,
  };
}

async function lookUps({ app }: Bench): Promise<Row> {
  const before = await medianLookUp(app, ['many']);
  const users = Array.from({ length: 1000 }, (_, index) => `user-${index}`);
  for (const userId of users) {
    await Promise.all(
      Array.from({ length: 5 }, (_, device) =>
        app.connections.add(readyConnection(userId, device), 'request'),
      ),
    );
  }
  const after = await medianLookUp(app, ['many']);
  return {
    what: 'looking up a user’s connections with 1,000 other users connected, instead of none',
    unit: 'ms',
    ours: after,
    floor: before,
    goal: 'ratio ≤ 1.1',
    held: after <= 1.1 * before,
  };
}

async function medianLookUp(app: App, users: string[]): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 200; round++)
    for (const userId of users) times.push(await timed(() => app.connections.list(userId)));
  return median(times);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
