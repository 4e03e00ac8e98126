/** Whatever the network, the handlers and the user do: each message once, in seq order, and none lost once the faults stop. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { goodNetwork, type Log, type Network } from './server.ts';
import { seeded } from './virtual-time.ts';
import { type Tab, World } from './world.ts';

type Action =
  | { do: 'publish'; count: number; own: boolean; channel?: number }
  | { do: 'cut' }
  | { do: 'sever' }
  | { do: 'wake' }
  | { do: 'drive' }
  | { do: 'restart'; gently: boolean }
  | { do: 'refuse'; ms: number }
  | { do: 'freeze'; ms: number }
  | { do: 'pass'; ms: number };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('publish'),
      count: fc.integer({ min: 1, max: 60 }),
      own: fc.boolean(),
      channel: fc.integer({ min: 0, max: 3 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.integer({ min: 0, max: 3000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sever') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wake') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drive') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart'), gently: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('freeze'), ms: fc.integer({ min: 0, max: 20_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refuse'), ms: fc.integer({ min: 0, max: 3000 }) }) },
) as fc.Arbitrary<Action>;

const circumstances = fc.record({
  seed: fc.integer(),
  actions: fc.array(action, { maxLength: 25 }),
  maxDelayMs: fc.constantFrom(0, 10, 200, 1500),
  loss: fc.constantFrom(0, 0.1, 0.6),
  doubling: fc.constantFrom(0, 0.3),
  handlerMs: fc.constantFrom(0, 3, 100),
  rejection: fc.constantFrom(0, 0.2),
  maxBuffered: fc.constantFrom(1000, 10_000, 20_000),
  /** 1: no ack waits. */
  ackBatch: fc.constantFrom(1, 50),
  handoverMs: fc.constantFrom(1000, 5000, 7_000_000),
  tabs: fc.integer({ min: 1, max: 3 }),
  hasLocks: fc.boolean(),
  /** Topics that all tabs listen to. */
  topics: fc.integer({ min: 0, max: 2 }),
  /** The last tab listens to one more. */
  hasOwnTopic: fc.boolean(),
  /** The user is a member of the first topic, or is not yet. */
  isMember: fc.boolean(),
});

type Given = typeof circumstances extends fc.Arbitrary<infer Value> ? Value : never;

/** Found by a longer search: an ack that is sent while a connection takes over, in step with every takeover. */
const ACK_AT_EVERY_HANDOVER: Given = {
  seed: 546751771,
  actions: [
    { do: 'pass', ms: 0 },
    { do: 'publish', count: 23, own: false },
    { do: 'publish', count: 9, own: true },
    { do: 'publish', count: 35, own: true },
  ],
  maxDelayMs: 1500,
  loss: 0,
  doubling: 0,
  handlerMs: 100,
  rejection: 0,
  maxBuffered: 1000,
  ackBatch: 1,
  handoverMs: 1000,
  tabs: 1,
  hasLocks: false,
  topics: 0,
  hasOwnTopic: false,
  isMember: false,
};

it('surfaces each message of each channel once, in seq order, and none is lost', async () => {
  await fc.assert(fc.asyncProperty(circumstances, run), {
    numRuns: Number(process.env.RUNS ?? 300),
    // The same course at every change; `SEED` and `RUNS` look further.
    seed: Number(process.env.SEED ?? 1),
    examples: [[ACK_AT_EVERY_HANDOVER]],
  });
}, 600_000);

/** Of a tab by its number, the topics it listens to. */
const topicsOf = ({ topics, hasOwnTopic, tabs }: Given, number: number): string[] => [
  ...['one', 'two'].slice(0, topics),
  ...(hasOwnTopic && number === tabs - 1 ? ['own'] : []),
];

async function run(given: Given) {
  const world = new World(given.seed);
  const { server, time } = world;
  const chance = seeded(given.seed + 1);
  const badNetwork: Network = {
    delayMs: () => chance() * given.maxDelayMs,
    losesLive: () => chance() < given.loss,
    doublesLive: () => chance() < given.doubling,
  };
  server.network = badNetwork;
  const topics = topicsOf(given, given.tabs - 1);
  const logs = topics.map((name) => server.logOf(`topic:${name}`));
  // The device is known in the topics, so it misses nothing before its first subscribe.
  for (const log of logs) server.advance('laptop', 0, log);
  if (given.isMember && topics[0]) server.memberOf.add(topics[0]);
  let isFaulty = true;
  const failures = new Map<string, number>();
  const cancels: (() => void)[] = [];

  const open = (number: number): Tab => {
    const handler = async ({ seq }: { seq: number }) => {
      if (given.handlerMs > 0) await time.sleep(chance() * given.handlerMs);
      const key = `${number}/${seq}`;
      const failed = failures.get(key) ?? 0;
      if (isFaulty && failed < 3 && chance() < given.rejection) {
        failures.set(key, failed + 1);
        throw new Error('not now');
      }
    };
    const timing = {
      ackBatch: given.ackBatch,
      maxBuffered: given.maxBuffered,
      handoverAfterMs: given.handoverMs,
      pingEveryMs: 20_000,
    };
    const env = { hasTabs: given.tabs > 1, ...(!given.hasLocks && { locks: undefined }) };
    return world.open({ handler, timing, env, topics: topicsOf(given, number) });
  };

  const runs: Tab[][] = [];
  for (let number = 0; number < given.tabs; number++) runs.push([open(number)]);
  const last = (tabs: Tab[]): Tab => tabs.at(-1) as Tab;

  for (const step of given.actions) {
    switch (step.do) {
      case 'publish':
        for (let one = 0; one < step.count; one++)
          server.publishTo(
            logs[(step.channel ?? 0) - 1] ?? server.own,
            undefined,
            step.own ? 'laptop' : undefined,
          );
        break;
      case 'cut':
        server.cut();
        break;
      case 'sever':
        for (const socket of server.open) socket.isSevered = true;
        break;
      case 'wake':
        for (const tabs of runs) last(tabs).wake();
        break;
      case 'drive':
        for (const socket of server.open) void socket.drive();
        break;
      case 'refuse':
        server.refusal = 0;
        time.after(step.ms, () => {
          server.refusal = undefined;
        });
        break;
      case 'freeze': {
        const [tabs] = runs;
        const tab = tabs && last(tabs);
        tab?.freeze();
        cancels.push(time.after(step.ms, () => tab?.thaw()));
        break;
      }
      case 'restart': {
        // The first tab, which is as a rule the leader. With other tabs open it begins where the device stands.
        const [tabs] = runs;
        if (!tabs) break;
        last(tabs).thaw();
        if (step.gently) await Promise.all([last(tabs).session.close(), time.pass(1500)]);
        else last(tabs).kill();
        tabs.push(open(0));
        break;
      }
      case 'pass':
        await time.pass(step.ms);
        break;
    }
  }

  isFaulty = false;
  server.refusal = undefined;
  server.network = goodNetwork;
  for (const cancel of cancels) cancel();
  for (const tabs of runs) last(tabs).thaw();
  for (const tabs of runs) last(tabs).wake();
  const hasAll = (log: Log, seq: number | undefined) => seq === log.head;
  const caughtUp = () =>
    [server.own, ...logs].every((log) => hasAll(log, server.cursorOf('laptop', log))) &&
    runs.every((tabs) => {
      const { session, topics } = last(tabs);
      return (
        hasAll(server.own, session.cursor?.seq) &&
        topics.every(({ topic }) => hasAll(server.logOf(topic.channel), topic.cursor?.seq))
      );
    });
  await time.until(caughtUp, 'caught up', 30 * 60_000);
  await time.pass(1000);

  for (const tab of runs.flat()) expect([tab.resets, tab.errors]).toEqual([[], []]);
  check(
    given,
    server.own,
    runs.map((tabs) => tabs.map(({ seen }) => seen)),
  );
  for (const log of logs) {
    const seen = runs.map((tabs) => tabs.flatMap(({ topics }) => seenIn(topics, log.channel)));
    check(given, log, seen);
  }
  for (const tabs of runs) await Promise.all([last(tabs).session.close(), time.pass(2000)]);
  expect(server.open).toEqual([]);
  expect(time.pending).toBe(0);
}

const seenIn = (topics: Tab['topics'], channel: string): number[][] =>
  topics.filter(({ topic }) => topic.channel === channel).map(({ seen }) => seen);

/** `tabs`: what each run of each tab has surfaced of the channel; nothing of a tab that does not listen. */
function check({ tabs: count }: Given, log: Log, tabs: number[][][]): void {
  const foreign = log.messages.filter(({ origin }) => origin === undefined).map(({ seq }) => seq);
  for (const [number, runs] of tabs.entries()) {
    for (const seen of runs) expect(seen).toEqual([...new Set(seen)].sort((one, other) => one - other));
    const seen = runs.flat();
    if (runs.length === 0) continue;
    // Alone, a device sees each message once over all its runs. One tab of several begins where the device stands.
    if (count === 1) expect(seen).toEqual(foreign);
    else if (number > 0) expect(seen).toEqual(foreign.filter((seq) => seq >= (seen[0] ?? 0)));
  }
  const all = new Set(tabs.flat().flat());
  expect([...all].sort((one, other) => one - other)).toEqual(foreign);
}
