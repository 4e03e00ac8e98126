/** What happens in one run: who there is, what they do and when, how the platform behaves. All from the seed. */

import { MAX_RECENT_KEYS } from '../../lambdas/adapters/dynamodb/recent-keys.ts';
import type { Origin } from './checks/ledger.ts';
import type { Temper } from './dynamodb/database.ts';
import { drawRates } from './faults.ts';
import { Random } from './random.ts';
import { withReading } from './reading.ts';
import { type Situation, steered } from './situations.ts';
import { withWithdrawing } from './withdrawing.ts';
import type { DeviceSpec, From } from './world/device.ts';
import type { Publish } from './world/publishers.ts';

export type Act =
  | { kind: 'publish'; publish: Publish }
  | { kind: 'online'; device: number }
  | { kind: 'offline'; device: number; unnoticed: boolean }
  | { kind: 'crash'; device: number; storage: 'kept' | 'old' | 'lost' }
  | { kind: 'malformed'; device: number; frame: string }
  | { kind: 'intruder'; userId: string }
  | { kind: 'revoke'; userId: string; deviceId: string | undefined }
  | { kind: 'history'; channel: string }
  | { kind: 'subscribe'; device: number; topic: string; from: From }
  | { kind: 'unsubscribe'; device: number; topic: string }
  | { kind: 'join'; topic: string; userId: string }
  | { kind: 'leave'; topic: string; userId: string }
  | { kind: 'members'; topic: string; add: string[]; remove: string[] }
  | { kind: 'look'; topic: string }
  | { kind: 'presence'; userId: string }
  | { kind: 'mark'; device: number }
  | { kind: 'mark over http'; userId: string }
  /** Undefined: the user's own channel. */
  | { kind: 'inbox'; device: number; channel: string | undefined }
  | { kind: 'inbox over http'; userId: string }
  /** Of a user's newest messages: how many are newer. */
  | { kind: 'withdraw'; userId: string; newer: number; byId: boolean }
  | { kind: 'snapshot' }
  | { kind: 'restore' };

export interface Operation {
  at: number;
  act: Act;
}

export interface Plan {
  devices: DeviceSpec[];
  operations: Operation[];
  /** When the last of the faults is over. */
  lengthMs: number;
  rates: Map<string, number>;
  temper: Temper;
  maxConnectionsPerUser: number;
  everyone: boolean;
  openTopics: string[];
  /** Subscribers that are served before a publish is answered. */
  fanOutPage: number;
  /** Idempotency keys on a head row. */
  maxRecentKeys: number;
  /** Whether people look at what they got, and mark it. */
  areReading: boolean;
  /** Whether messages are taken back. */
  areWithdrawing: boolean;
  /** Where it is led to, if anywhere. */
  situation: Situation | undefined;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR_SECONDS = 365 * 24 * 3600;

const MALFORMED = [
  '',
  'null',
  '[]',
  '{"action":"ack"',
  '{"action":"ack","seq":-1}',
  '{"action":"ack","seq":"7"}',
  '{"action":"ack","seq":1,"channel":"user:somebody-else"}',
  '{"action":"ack","seq":1,"epoch":"another"}',
  '{"action":"sync","after":1.5}',
  '{"action":"fly"}',
  '{"action":"sync","channel":"user:somebody-else"}',
  '{"action":"sync","channel":"topic:nobody-hears"}',
  ...['news', 'team', 'secret'].map((topic) => `{"action":"sync","channel":"topic:${topic}","after":0}`),
  '{"action":"subscribe"}',
  '{"action":"subscribe","channel":"topic:with space"}',
  '{"action":"subscribe","channel":"user:somebody-else"}',
  '{"action":"subscribe","channel":"topic:secret"}',
  '{"action":"subscribe","channel":"everyone"}',
  '{"action":"unsubscribe","channel":"everyone"}',
  '{"action":"ack","acks":[]}',
  '{"action":"ack","acks":[{"seq":0},{"channel":"topic:news","seq":-1}]}',
  '{"action":"ack","acks":[{"seq":0},{"seq":0}]}',
  '{"action":"publish","to":{"topic":"secret"},"type":"simulated"}',
  '{"action":"publish","to":{"everyone":true},"excludeUserId":"alice","type":"simulated"}',
  '{"action":"send","destination":"orders/accept"}',
];

export function planOf(seed: number): Plan {
  const random = new Random(seed, 'plan');
  const users = ['alice', 'bob', 'carol'].slice(0, random.integer(1, 3));
  const devices = users.flatMap((userId) => devicesOf(userId, random));
  const perUser = Math.max(...users.map((user) => devices.filter(({ userId }) => userId === user).length));
  const everyone = random.chance(0.8);
  const operations = new Planner(random, users, devices, everyone).operations();
  const plan = steered(seed, {
    devices,
    operations,
    lengthMs: (operations.at(-1)?.at ?? 0) + 5 * MINUTE,
    rates: drawRates(random),
    temper: temperOf(random),
    maxConnectionsPerUser: perUser + random.integer(0, 3),
    everyone,
    openTopics: random.chance(0.5) ? ['open*'] : [],
    fanOutPage: random.integer(1, 4),
    maxRecentKeys: recentKeysOf(seed),
    areReading: false,
    areWithdrawing: false,
    situation: undefined,
  });
  return withWithdrawing(seed, withReading(seed, plan));
}

/** In many runs so few that keys fall out of the head all the time. */
function recentKeysOf(seed: number): number {
  const random = new Random(seed, 'keys');
  return random.chance(0.4) ? random.integer(1, 3) : MAX_RECENT_KEYS;
}

function devicesOf(userId: string, random: Random): DeviceSpec[] {
  const names = ['phone', 'laptop', 'tablet', 'watch'].slice(0, random.integer(1, 4));
  return [...names, ...(random.chance(0.3) ? [undefined] : [])].map((deviceId): DeviceSpec => {
    const tokenLifeMs = random.chance(0.3) ? random.logarithmic(3 * MINUTE, HOUR) : DAY;
    const ackMode = deviceId !== undefined && random.chance(0.7) ? 'client' : 'auto';
    const program = ackMode === 'client' && random.chance(0.5) ? 'library' : 'model';
    return { userId, deviceId, ackMode, tokenLifeMs, program, permissions: permissionsOf(random) };
  });
}

/** What most tokens allow, and some do not. */
function permissionsOf(random: Random): DeviceSpec['permissions'] {
  const some = (patterns: string[]) => patterns.filter(() => random.chance(0.5));
  return {
    subscribe: random.chance(0.3) ? ['topic:*'] : some(['topic:news', 'topic:te*']),
    publish: some(['topic:news', 'topic:te*', 'user:*', 'everyone']),
  };
}

const temperOf = (random: Random): Temper => ({
  maxVisibilityMs: random.chance(0.5) ? random.logarithmic(5, 3000) : 5,
  lateMessages: 0,
  maxLagMs: 2000,
  shortPage: random.integer(1, 4),
  shortPageChance: random.chance(0.5) ? random.next() : 0,
  unprocessedChance: random.chance(0.3) ? random.next() * 0.1 : 0,
  ttl: random.pick(['at once', 'late', 'mixed', 'never'] as const),
});

/** What is published to one user by no device. */
const TO_ONE = { door: 'http', origin: undefined, collapseKey: undefined } as const;

/** `open` may be open to all, `secret` is nobody's by a token of the usual kind. */
export const TOPICS = ['news', 'team', 'open', 'secret'] as const;
const COLLAPSE_KEYS = ['one', 'two'] as const;

class Planner {
  readonly #random: Random;
  readonly #users: string[];
  readonly #devices: DeviceSpec[];
  readonly #everyone: boolean;
  readonly #restores: boolean;
  readonly #bulky: boolean;
  #at = 0;
  #publishes = 0;
  /** How long nothing happens after the act under way. */
  #away = 0;

  constructor(random: Random, users: string[], devices: DeviceSpec[], everyone: boolean) {
    this.#random = random;
    this.#everyone = everyone;
    this.#users = users;
    this.#devices = devices;
    this.#restores = random.chance(0.15);
    this.#bulky = random.chance(0.25);
  }

  operations(): Operation[] {
    const random = this.#random;
    const operations: Operation[] = [];
    const length = random.integer(10, 50);
    const snapshotAt = random.integer(0, length - 1);
    const restoreAt = random.integer(snapshotAt, length - 1);
    if (random.chance(0.4)) operations.push(...this.#secondDevice());
    for (let index = 0; index < length; index++) {
      for (const act of this.#next()) {
        operations.push({ at: this.#at, act });
        this.#at += random.logarithmic(1, 40);
      }
      if (this.#restores && index === snapshotAt)
        operations.push({ at: this.#at, act: { kind: 'snapshot' } });
      if (this.#restores && index === restoreAt) operations.push({ at: this.#at, act: { kind: 'restore' } });
      this.#at += this.#away + this.#pause();
      this.#away = 0;
    }
    return operations;
  }

  /** While one device keeps up with what is published, another of its user comes for the first time, twice in quick succession. */
  #secondDevice(): Operation[] {
    const random = this.#random;
    const userId = random.pick(this.#users);
    const [first, second] = random.shuffle(
      [...this.#devices.keys()].filter((index) => this.#devices[index]?.userId === userId),
    );
    if (first === undefined || second === undefined) return [];
    const publish = (): Act => ({
      kind: 'publish',
      publish: { ...this.#publish(false), ...TO_ONE, channels: [`user:${userId}`] },
    });
    const acts: Act[] = [
      { kind: 'online', device: first },
      publish(),
      publish(),
      { kind: 'online', device: second },
      { kind: 'offline', device: second, unnoticed: true },
      { kind: 'online', device: second },
      publish(),
      publish(),
      publish(),
    ];
    return acts.map((act) => {
      this.#at += random.logarithmic(5, 1500);
      return { at: this.#at, act };
    });
  }

  #pause(): number {
    const random = this.#random;
    if (random.chance(0.01)) return random.logarithmic(HOUR, 5 * HOUR);
    return random.logarithmic(1, random.chance(0.1) ? 20 * MINUTE : MINUTE / 2);
  }

  #next(): Act[] {
    const random = this.#random;
    const device = random.integer(0, this.#devices.length - 1);
    const userId = random.pick(this.#users);
    const drawn = random.next();
    if (drawn < 0.45) return this.#burst();
    if (drawn < 0.57) return [{ kind: 'online', device }];
    if (drawn < 0.68) return this.#topical(device, userId);
    if (drawn < 0.78) return [{ kind: 'offline', device, unnoticed: random.chance(0.4) }];
    if (drawn < 0.84)
      return [{ kind: 'crash', device, storage: random.pick(['kept', 'kept', 'old', 'lost'] as const) }];
    if (drawn < 0.86) return [{ kind: 'malformed', device, frame: random.pick(MALFORMED) }];
    if (drawn < 0.88) return [{ kind: 'intruder', userId }];
    if (drawn < 0.9)
      return [{ kind: 'history', channel: random.chance(0.5) ? `user:${userId}` : this.#shared() }];
    if (drawn < 0.91) return [{ kind: 'presence', userId }];
    if (drawn < 0.94)
      return [{ kind: 'revoke', userId, deviceId: random.chance(0.5) ? this.#deviceOf(userId) : undefined }];
    if (drawn < 0.985) return this.#devices.map((_device, index) => ({ kind: 'online', device: index }));
    return this.#everybodyAway();
  }

  /** Something about a topic. */
  #topical(device: number, userId: string): Act[] {
    const random = this.#random;
    const topic = random.pick(TOPICS);
    const drawn = random.next();
    const from = random.pick(['cursor', 'stored', 'stored', 'beginning'] as const);
    if (drawn < 0.35) return [{ kind: 'subscribe', device, topic, from }];
    if (drawn < 0.45) return [{ kind: 'unsubscribe', device, topic }];
    if (drawn < 0.67) return [{ kind: 'join', topic, userId }];
    if (drawn < 0.8) return [{ kind: 'leave', topic, userId }];
    if (drawn < 0.85) return [{ kind: 'look', topic }];
    if (drawn < 0.93)
      return [
        { kind: 'leave', topic, userId },
        { kind: 'join', topic, userId },
      ];
    const [one = userId, ...others] = random.shuffle(this.#users);
    return [{ kind: 'members', topic, add: [one], remove: others }];
  }

  /** A channel of many. */
  #shared(): string {
    const random = this.#random;
    return this.#everyone && random.chance(0.3) ? 'everyone' : `topic:${random.pick(TOPICS)}`;
  }

  /** Longer than devices are remembered. */
  #everybodyAway(): Act[] {
    const acts = this.#devices.map((_device, device): Act => ({ kind: 'offline', device, unnoticed: false }));
    this.#away = this.#random.chance(0.5) ? 91 * DAY : 25 * HOUR;
    return acts;
  }

  #burst(): Act[] {
    const random = this.#random;
    const together = random.chance(0.3) ? random.integer(2, 8) : 1;
    const backlog = this.#bulky && random.chance(0.15) ? random.integer(18, 40) : together;
    return Array.from({ length: backlog }, () => ({
      kind: 'publish',
      publish: this.#publish(backlog > together),
    }));
  }

  #publish(bulky: boolean): Publish {
    const random = this.#random;
    const number = ++this.#publishes;
    const users = random.chance(0.2) ? random.shuffle(this.#users) : [random.pick(this.#users)];
    const isShared = random.chance(0.45);
    const channels = isShared ? [this.#shared()] : users.map((user) => `user:${user}`);
    const door = random.pick(['http', 'http', 'http', 'bus', 'invoke', 'frame'] as const);
    const key = random.chance(0.15) ? `again-${random.integer(1, 2)}` : `key-${number}`;
    return {
      number,
      door,
      key: random.chance(0.75) ? key : undefined,
      channels,
      origin: random.chance(0.4) ? this.#origin(random.pick(users), isShared) : undefined,
      ...(door === 'frame' && { device: random.integer(0, this.#devices.length - 1) }),
      collapseKey: random.chance(0.15) ? random.pick(COLLAPSE_KEYS) : undefined,
      retentionSeconds: this.#retention(),
      bytes: bulky ? random.integer(12_000, 28_000) : random.chance(0.1) ? random.integer(1000, 20_000) : 10,
    };
  }

  #origin(user: string, isShared: boolean): Origin {
    const random = this.#random;
    const userId = isShared ? user : undefined;
    const deviceId = this.#deviceOf(user);
    if (isShared && random.chance(0.3)) return { userId };
    const tab = deviceId !== undefined && random.chance(0.3) ? 'tab-1' : undefined;
    return { userId, deviceId, tab };
  }

  #retention(): number | undefined {
    const random = this.#random;
    if (random.chance(0.1)) return YEAR_SECONDS;
    return random.chance(0.3) ? random.logarithmic(60, 3600) : undefined;
  }

  #deviceOf(userId: string): string | undefined {
    return this.#random.pick(this.#devices.filter((device) => device.userId === userId)).deviceId;
  }
}
