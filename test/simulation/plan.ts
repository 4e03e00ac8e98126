/** What happens in one run: who there is, what they do and when, how the platform behaves. All from the seed. */
import type { Temper } from './dynamodb/database.ts';
import { drawRates } from './faults.ts';
import { Random } from './random.ts';
import { type Situation, steered } from './situations.ts';
import type { DeviceSpec } from './world/device.ts';
import type { Publish } from './world/publishers.ts';

export type Act =
  | { kind: 'publish'; publish: Publish }
  | { kind: 'online'; device: number }
  | { kind: 'offline'; device: number; unnoticed: boolean }
  | { kind: 'crash'; device: number; storage: 'kept' | 'old' | 'lost' }
  | { kind: 'malformed'; device: number; frame: string }
  | { kind: 'intruder'; userId: string }
  | { kind: 'revoke'; userId: string; deviceId: string | undefined }
  | { kind: 'history'; userId: string }
  | { kind: 'presence'; userId: string }
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
  '{"action":"sync","channel":"everyone"}',
];

export function planOf(seed: number): Plan {
  const random = new Random(seed, 'plan');
  const users = ['alice', 'bob', 'carol'].slice(0, random.integer(1, 3));
  const devices = users.flatMap((userId) => devicesOf(userId, random));
  const perUser = Math.max(...users.map((user) => devices.filter(({ userId }) => userId === user).length));
  const operations = new Planner(random, users, devices).operations();
  return steered(seed, {
    devices,
    operations,
    lengthMs: (operations.at(-1)?.at ?? 0) + 5 * MINUTE,
    rates: drawRates(random),
    temper: temperOf(random),
    maxConnectionsPerUser: perUser + random.integer(0, 3),
    everyone: false,
    openTopics: [],
    fanOutPage: 256,
    situation: undefined,
  });
}

function devicesOf(userId: string, random: Random): DeviceSpec[] {
  const names = ['phone', 'laptop', 'tablet', 'watch'].slice(0, random.integer(1, 4));
  return [...names, ...(random.chance(0.3) ? [undefined] : [])].map((deviceId): DeviceSpec => {
    const tokenLifeMs = random.chance(0.3) ? random.logarithmic(3 * MINUTE, HOUR) : DAY;
    const ackMode = deviceId !== undefined && random.chance(0.7) ? 'client' : 'auto';
    const program = ackMode === 'client' && random.chance(0.5) ? 'library' : 'model';
    return { userId, deviceId, ackMode, tokenLifeMs, program };
  });
}

const temperOf = (random: Random): Temper => ({
  maxVisibilityMs: random.chance(0.5) ? random.logarithmic(5, 3000) : 5,
  lateMessages: 0,
  maxLagMs: 2000,
  shortPage: random.integer(1, 4),
  shortPageChance: random.chance(0.5) ? random.next() : 0,
  unprocessedChance: random.chance(0.3) ? random.next() * 0.3 : 0,
  ttl: random.pick(['at once', 'late', 'mixed', 'never'] as const),
});

class Planner {
  readonly #random: Random;
  readonly #users: string[];
  readonly #devices: DeviceSpec[];
  readonly #restores: boolean;
  readonly #bulky: boolean;
  #at = 0;
  #publishes = 0;
  /** How long nothing happens after the act under way. */
  #away = 0;

  constructor(random: Random, users: string[], devices: DeviceSpec[]) {
    this.#random = random;
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
      publish: { ...this.#publish(false), users: [userId], origin: undefined },
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
    if (drawn < 0.65) return [{ kind: 'online', device }];
    if (drawn < 0.78) return [{ kind: 'offline', device, unnoticed: random.chance(0.4) }];
    if (drawn < 0.84)
      return [{ kind: 'crash', device, storage: random.pick(['kept', 'kept', 'old', 'lost'] as const) }];
    if (drawn < 0.86) return [{ kind: 'malformed', device, frame: random.pick(MALFORMED) }];
    if (drawn < 0.88) return [{ kind: 'intruder', userId }];
    if (drawn < 0.9) return [{ kind: 'history', userId }];
    if (drawn < 0.91) return [{ kind: 'presence', userId }];
    if (drawn < 0.94)
      return [{ kind: 'revoke', userId, deviceId: random.chance(0.5) ? this.#deviceOf(userId) : undefined }];
    if (drawn < 0.985) return this.#devices.map((_device, index) => ({ kind: 'online', device: index }));
    return this.#everybodyAway();
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
    const door = random.pick(['http', 'http', 'bus', 'invoke'] as const);
    const key = random.chance(0.15) ? `again-${random.integer(1, 2)}` : `key-${number}`;
    return {
      number,
      door,
      key: random.chance(0.75) ? key : undefined,
      users,
      origin: random.chance(0.4) ? this.#deviceOf(random.pick(users)) : undefined,
      retentionSeconds: this.#retention(),
      bytes: bulky ? random.integer(12_000, 28_000) : random.chance(0.1) ? random.integer(1000, 20_000) : 10,
    };
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
