/** Leads most of the runs, on purpose, to places that chance comes to once in thousands of seeds: `checks/places.ts` counts them. */
import { NO_PERMISSIONS } from '../../lambdas/protocol/permissions.ts';
import type { Act, Operation, Plan } from './plan.ts';
import { Random } from './random.ts';
import type { DeviceSpec } from './world/device.ts';
import type { Publish } from './world/publishers.ts';

/** What the run is led to. The world and the last stages of a run ask for it, too. */
export type Situation = keyof typeof LEADS;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
/** Its publishes are numbered from here, so that they are nobody else's. */
const FIRST_NUMBER = 500_000;

/** Changes the plan before it begins, and writes what happens first. */
type Lead = (script: Script, plan: Plan, random: Random) => Partial<Plan>;

const LEADS = {
  'long gap': longGap,
  'restore at once': restoreAtOnce,
  'short deadlines': shortDeadlines,
  'hand-overs': handOvers,
  refusals,
  burst,
  'many ranges': manyRanges,
  'long fan-outs': longFanOuts,
  membership,
} satisfies Record<string, Lead>;

/** The plan, or the plan with a situation before everything else. */
export function steered(seed: number, plan: Plan): Plan {
  const random = new Random(seed, 'situation');
  if (!random.chance(0.6)) return plan;
  const situation = random.pick(Object.keys(LEADS) as Situation[]);
  const script = new Script(random);
  const changes = LEADS[situation](script, plan, random);
  const later = plan.operations.map(({ at, act }) => ({ at: at + script.at, act }));
  return {
    ...plan,
    ...changes,
    situation,
    operations: [...script.operations, ...later],
    lengthMs: plan.lengthMs + script.at,
  };
}

/** What happens one after the other. */
class Script {
  readonly operations: Operation[] = [];
  at = 0;
  #publishes = FIRST_NUMBER;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  act(act: Act, thenWaitMs: number): void {
    this.operations.push({ at: this.at, act });
    this.at += thenWaitMs;
  }

  /** A publish to one user, by HTTPS and with a key of its own. */
  publish(userId: string, given: Partial<Publish> = {}): Act & { kind: 'publish' } {
    const number = ++this.#publishes;
    const usual = {
      door: 'http',
      key: `led-${number}`,
      origin: undefined,
      retentionSeconds: undefined,
    } as const;
    return {
      kind: 'publish',
      publish: { number, channels: [`user:${userId}`], bytes: 10, ...usual, ...given },
    };
  }

  publishes(
    userId: string,
    count: number,
    apartMs: [least: number, most: number],
    given?: Partial<Publish>,
  ): void {
    for (let left = count; left > 0; left--)
      this.act(this.publish(userId, given), this.#random.logarithmic(...apartMs));
  }

  /** A device comes, is told where it begins, and leaves. */
  visit(device: number): void {
    this.act({ kind: 'online', device }, 8 * SECOND);
    this.act({ kind: 'offline', device, unnoticed: false }, SECOND);
  }
}

/** Many messages expire while a device is away; those that follow them show row by row as it comes back. */
function longGap(script: Script, plan: Plan, random: Random): Partial<Plan> {
  const device = pickDevice(plan, random, ({ deviceId }) => deviceId !== undefined);
  const { userId } = plan.devices[device] as DeviceSpec;
  script.visit(device);
  // As many as one proof holds, a few more, a few less, and half.
  const count = random.pick([
    100,
    100,
    random.integer(101, 106),
    random.integer(92, 99),
    random.integer(52, 80),
  ]);
  script.publishes(userId, count, [40, 120], { retentionSeconds: 60 });
  script.at += random.integer(70, 120) * SECOND;
  for (let visits = 0; visits < 3; visits++) {
    script.act({ kind: 'online', device }, random.logarithmic(50, 1000));
    script.publishes(userId, random.integer(2, 5), [20, 400]);
    script.at += random.logarithmic(100, 2 * SECOND);
    script.act({ kind: 'offline', device, unnoticed: false }, 100);
  }
  const temper = { ...plan.temper, ttl: 'at once', maxVisibilityMs: 4 * SECOND, lateMessages: 0.7 } as const;
  return { temper };
}

/** The tables are put back seconds after publishes, which are then repeated: a warm Lambda still knows their channel's head. */
function restoreAtOnce(script: Script, plan: Plan, random: Random): Partial<Plan> {
  const { userId } = random.pick(plan.devices);
  script.publishes(userId, random.integer(1, 3), [200, 800]);
  // By then the heads that they left behind are forgotten.
  script.act({ kind: 'snapshot' }, 15 * SECOND);
  const lost = Array.from({ length: random.integer(2, 3) }, () => script.publish(userId));
  for (const publish of lost) script.act(publish, random.logarithmic(100, 500));
  script.at += random.logarithmic(100, 2 * SECOND);
  script.act({ kind: 'restore' }, random.logarithmic(10, 500));
  for (const publish of [...lost, ...lost]) script.act(publish, random.logarithmic(50, 500));
  script.publishes(userId, random.integer(2, 6), [200, 800], { key: undefined });
  return { rates: new Map(plan.rates).set('error after', 0.1) };
}

/** A device of mode `auto` missed more than a window, and the Lambdas have little time. */
function shortDeadlines(script: Script, plan: Plan, random: Random): Partial<Plan> {
  const device = pickDevice(plan, random, ({ deviceId }) => deviceId !== undefined);
  const spec: DeviceSpec = { ...(plan.devices[device] as DeviceSpec), ackMode: 'auto', program: 'model' };
  script.visit(device);
  script.publishes(spec.userId, random.integer(34, 40), [20, 100], { bytes: 17_000 });
  script.at += 10 * SECOND;
  script.act({ kind: 'online', device }, MINUTE);
  return { devices: plan.devices.with(device, spec) };
}

/** A device of the library replaces its connection every few minutes, slowly, while messages come. */
function handOvers(script: Script, plan: Plan, random: Random): Partial<Plan> {
  const device = pickDevice(plan, random, ({ deviceId }) => deviceId !== undefined);
  const spec: DeviceSpec = {
    ...(plan.devices[device] as DeviceSpec),
    ackMode: 'client',
    program: 'library',
    handoverAfterMs: random.logarithmic(4 * MINUTE, 8 * MINUTE),
  };
  script.act({ kind: 'online', device }, SECOND);
  script.publishes(spec.userId, random.integer(8, 20), [10 * SECOND, 90 * SECOND]);
  const rates = new Map(plan.rates).set('slow opening', 0.3);
  const devices = plan.devices.with(device, spec);
  const perUser = Map.groupBy(devices, ({ userId }) => userId).values();
  const maxConnectionsPerUser = Math.max(...[...perUser].map(({ length }) => length));
  return { devices, rates, maxConnectionsPerUser };
}

/** An anonymous device that has just come is refused posts, or answered 410, while several messages come at once. */
function refusals(script: Script, plan: Plan, random: Random): Partial<Plan> {
  const { userId } = random.pick(plan.devices);
  const anonymous = {
    userId,
    deviceId: undefined,
    ackMode: 'auto',
    tokenLifeMs: 24 * 60 * MINUTE,
    permissions: NO_PERMISSIONS,
  } as const;
  const device = plan.devices.length;
  for (let bursts = random.integer(2, 4); bursts > 0; bursts--) {
    script.act({ kind: 'online', device }, random.logarithmic(2 * SECOND, 20 * SECOND));
    script.publishes(userId, random.integer(3, 8), [5, 100]);
    // Several replays are wanted at once.
    script.at += random.logarithmic(SECOND, 5 * SECOND);
    for (let syncs = random.chance(0.5) ? random.integer(4, 8) : 0; syncs > 0; syncs--) {
      const frame = '{"action":"sync","after":0}';
      script.act({ kind: 'malformed', device, frame }, random.logarithmic(5, 120));
    }
    script.at += random.logarithmic(5 * SECOND, MINUTE);
    script.act({ kind: 'offline', device, unnoticed: random.chance(0.3) }, SECOND);
  }
  // It is not among those that leave for months, and would ping all the time.
  if (plan.lengthMs < DAY) script.act({ kind: 'online', device }, SECOND);
  const rates = new Map(plan.rates).set('throttle', 0.1).set('gone though open', 0.1);
  return {
    devices: [...plan.devices, { ...anonymous, program: 'model' }],
    maxConnectionsPerUser: plan.maxConnectionsPerUser + 1,
    rates,
  };
}

/** Publishers overtake each other on their way to a device of mode `auto`. */
function burst(script: Script, plan: Plan, random: Random): Partial<Plan> {
  const device = pickDevice(plan, random, ({ deviceId }) => deviceId !== undefined);
  const spec: DeviceSpec = { ...(plan.devices[device] as DeviceSpec), ackMode: 'auto', program: 'model' };
  script.act({ kind: 'online', device }, 10 * SECOND);
  script.publishes(spec.userId, random.integer(10, 20), [2, 60]);
  return { devices: plan.devices.with(device, spec) };
}

const TOPIC = 'news';
const PERMITTED = { subscribe: ['topic:*'], publish: ['topic:*'] };

/** Every device follows one topic, and more is published to it than one page of subscribers hears at once. */
function crowd(script: Script, plan: Plan, random: Random): Partial<Plan> {
  const devices = plan.devices.map(
    (spec): DeviceSpec => ({ ...spec, program: 'model', permissions: PERMITTED }),
  );
  for (const device of devices.keys()) {
    script.act({ kind: 'online', device }, random.logarithmic(10, SECOND));
    script.act({ kind: 'subscribe', device, topic: TOPIC, from: 'cursor' }, random.logarithmic(10, SECOND));
  }
  script.at += 10 * SECOND;
  for (let bursts = random.integer(1, 3); bursts > 0; bursts--) {
    for (let left = random.integer(1, 4); left > 0; left--)
      script.act(script.publish('', { channels: [`topic:${TOPIC}`] }), random.logarithmic(10, 2 * SECOND));
    script.at += random.logarithmic(SECOND, 30 * SECOND);
  }
  return { devices };
}

/** The subscribers' keys lie so that the rest of them is cut into several ranges. */
function manyRanges(script: Script, plan: Plan, random: Random): Partial<Plan> {
  return { ...crowd(script, plan, random), fanOutPage: random.integer(1, 2) };
}

/** A worker of the fan-out has hardly any time, and finds its subscribers on short pages. */
function longFanOuts(script: Script, plan: Plan, random: Random): Partial<Plan> {
  const temper = { ...plan.temper, shortPage: 1, shortPageChance: 0.8 };
  return { ...crowd(script, plan, random), fanOutPage: 1, temper };
}

/** A user joins a topic, is removed and joins again, while devices are connected, away, or opening. */
function membership(script: Script, plan: Plan, random: Random): Partial<Plan> {
  const { userId } = random.pick(plan.devices);
  const own = [...plan.devices.keys()].filter((index) => plan.devices[index]?.userId === userId);
  const publishes = () => {
    for (let left = random.integer(1, 3); left > 0; left--)
      script.act(script.publish('', { channels: [`topic:${TOPIC}`] }), random.logarithmic(10, 2 * SECOND));
  };
  const stir = () => {
    const device = random.pick(own);
    const act: Act = random.chance(0.6)
      ? { kind: 'online', device }
      : { kind: 'offline', device, unnoticed: random.chance(0.3) };
    script.act(act, random.logarithmic(10, 3 * SECOND));
  };
  publishes();
  for (let rounds = random.integer(1, 3); rounds > 0; rounds--) {
    stir();
    script.act({ kind: 'join', topic: TOPIC, userId }, random.logarithmic(10, 5 * SECOND));
    stir();
    publishes();
    stir();
    // What a member may ask for, and what it must not bring.
    const device = random.pick(own);
    const back = `{"action":"sync","channel":"topic:${TOPIC}","after":0}`;
    if (random.chance(0.5))
      script.act({ kind: 'malformed', device, frame: back }, random.logarithmic(10, SECOND));
    if (random.chance(0.3))
      script.act(
        { kind: 'subscribe', device, topic: TOPIC, from: 'beginning' },
        random.logarithmic(10, SECOND),
      );
    script.act({ kind: 'leave', topic: TOPIC, userId }, random.logarithmic(10, 5 * SECOND));
    stir();
    publishes();
  }
  if (random.chance(0.5))
    script.act({ kind: 'join', topic: TOPIC, userId }, random.logarithmic(10, 5 * SECOND));
  const devices = plan.devices.map(
    (spec): DeviceSpec => ({ ...spec, program: 'model', permissions: NO_PERMISSIONS }),
  );
  return { devices };
}

function pickDevice({ devices }: Plan, random: Random, fits: (spec: DeviceSpec) => boolean): number {
  return random.pick([...devices.keys()].filter((index) => fits(devices[index] as DeviceSpec)));
}
