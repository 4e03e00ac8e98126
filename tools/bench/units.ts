/** 3. How many calls, one after the other, and how many units does each thing cost, and what is that in money? */
import { openConnection } from '../../lambdas/domain/connection/open.ts';
import { type Channel, ownSubscription, userChannel } from '../../lambdas/domain/model.ts';
import { publish } from '../../lambdas/domain/publish/publish.ts';
import { reconcile } from '../../lambdas/domain/session/reconcile.ts';
import type { Notification } from '../../lambdas/protocol/notification.ts';
import { type Call, readyConnection, startRecordedApp } from './recorded-app.ts';
import type { Question, Row } from './result.ts';

/** us-east-1, on demand, in dollars. https://aws.amazon.com/dynamodb/pricing/on-demand/ and https://aws.amazon.com/api-gateway/pricing/ */
const PRICE = { writeUnit: 0.625e-6, readUnit: 0.125e-6, message: 1e-6, lambdaRequest: 0.2e-6 };

const DEADLINE = Number.MAX_SAFE_INTEGER;

export const notification = (users: string[], id?: string): Notification =>
  notificationTo(
    users.map((userId) => userChannel(userId)),
    id,
  );

export const notificationTo = (channels: Channel[], id?: string): Notification => ({
  channels,
  type: 'bench',
  data: { payload: 'x'.repeat(220) },
  id,
  origin: { userId: undefined, deviceId: undefined, tab: undefined },
  collapseKey: undefined,
  retentionSeconds: undefined,
  trace: false,
});

export const measure: Question = async (progress) => {
  const { app, takeCalls, forgetHeads, stop } = await startRecordedApp();
  try {
    progress('connect');
    const opening = { ...readyConnection('alice', 0), connectedAt: Date.now() };
    const own = ownSubscription(opening);
    const connect = async () => {
      await openConnection(app, opening);
      const connecting = takeCalls();
      await reconcile(app, { ...own, after: undefined }, DEADLINE);
      return { connecting, starting: takeCalls() };
    };
    // The first makes the user's channel and counts the device; the second finds both.
    const { starting: startingFirst } = await connect();
    await app.connections.remove(opening);
    takeCalls();
    const { connecting, starting } = await connect();
    progress('publish');
    await publish(app, notification(['alice'], 'first'));
    takeCalls();
    await publish(app, notification(['alice'], 'second'));
    const publishing = takeCalls();
    await publish(app, notification(['alice'], undefined));
    const unrepeatable = takeCalls();
    forgetHeads();
    await publish(app, notification(['alice'], 'third'));
    const asking = takeCalls();
    progress('replay');
    for (let message = 0; message < 996; message++) await publish(app, notification(['alice']));
    takeCalls();
    await reconcile(app, { ...own, after: 0 }, DEADLINE);
    const replaying = takeCalls();
    return report({ connecting, startingFirst, starting, asking, publishing, unrepeatable, replaying });
  } finally {
    await stop();
  }
};

type Costs = Record<
  'connecting' | 'startingFirst' | 'starting' | 'asking' | 'publishing' | 'unrepeatable' | 'replaying',
  Call[]
>;

function report(costs: Costs) {
  const { connecting, startingFirst, starting, asking, publishing, unrepeatable, replaying } = costs;
  const perMillion = (devices: number) => ((priceOf(asking) + (devices - 1) * PRICE.message) / devices) * 1e6;
  const rows: Row[] = [
    depthRow('publish to one user: calls one after the other, up to the first post', asking, 4),
    depthRow('the same when the head is known from before', publishing, 3),
    ...unitRows('publish with an idempotency key', asking),
    ...unitRows('the same when the head is known', publishing),
    ...unitRows('publish without a key, the head known', unrepeatable),
    ...unitRows('connect', connecting),
    ...unitRows('ready and an empty replay, a known device', starting),
    ...unitRows('ready and an empty replay, a user’s first device', startingFirst),
    ...unitRows('replay of 1,000 messages of 300 bytes', replaying),
    {
      what: 'price of a million deliveries, one device per publish',
      unit: '$',
      ours: perMillion(1),
      floor: PRICE.message * 1e6,
      goal: 'printed',
    },
    {
      what: 'price of a million deliveries, three devices per publish',
      unit: '$',
      ours: perMillion(3),
      floor: PRICE.message * 1e6,
      goal: '≤ $2.00',
      held: perMillion(3) <= 2,
    },
    {
      what: 'price of a million deliveries, ten devices per publish',
      unit: '$',
      ours: perMillion(10),
      floor: PRICE.message * 1e6,
      goal: 'printed',
    },
  ];
  return {
    title: 'Round trips and units',
    rows,
    notes: [
      `A publish is ${asking.map(({ operation }) => operation).join(', ')}. The head is known where the same instance of the Lambda published to the user within ten seconds: the append's condition checks it. A wrong one costs a transaction, of four or six write units; then the instance asks for a minute, so that two that take turns lose one transaction a minute.`,
      'Fewer were thought through, not built. Looking the connections up while the transaction runs saves a round trip and loses the guarantee: a device that connects between the look-up and the commit would be sent the message neither live nor by its replay. Remembering the connections loses the same. Reading head and connection of an ack in one BatchGetItem saves a call and no unit; doing without the connection saves half a unit and a round trip, and a socket without a row would go unnoticed until its next ping.',
      'Prices: us-east-1, DynamoDB on demand, WebSocket messages, one Lambda request; the time of the Lambdas comes on top. Floor: the WebSocket message alone.',
    ],
  };
}

function depthRow(what: string, calls: Call[], atMost: number): Row {
  const ours = depthOf(calls.slice(0, calls.findIndex(isPost) + 1));
  return { what, unit: 'calls', ours, goal: `≤ ${atMost}`, held: ours <= atMost };
}

const isPost = ({ operation }: Call): boolean => operation === 'Post';

/** How many of the calls had to wait for another to end. */
export function depthOf(calls: readonly Call[]): number {
  const depths: number[] = [];
  for (const [index, call] of calls.entries()) {
    const before = calls.flatMap((other, at) =>
      at !== index && other.endedAt <= call.startedAt ? [depths[at] ?? 0] : [],
    );
    depths[index] = 1 + Math.max(0, ...before);
  }
  return Math.max(0, ...depths);
}

const sum = (calls: Call[], units: 'readUnits' | 'writeUnits'): number =>
  calls.reduce((total, call) => total + call[units], 0);

const unitRows = (what: string, calls: Call[]): Row[] => [
  { what: `${what}: calls`, unit: 'calls', ours: calls.length, goal: 'printed' },
  { what: `${what}: write units`, unit: 'WRU', ours: sum(calls, 'writeUnits'), goal: 'printed' },
  { what: `${what}: read units`, unit: 'RRU', ours: sum(calls, 'readUnits'), goal: 'printed' },
];

const priceOf = (calls: Call[]): number =>
  PRICE.lambdaRequest +
  sum(calls, 'writeUnits') * PRICE.writeUnit +
  sum(calls, 'readUnits') * PRICE.readUnit +
  calls.filter(isPost).length * PRICE.message;
