/** What happens in one run of the events: who publishes, answers, comes and goes, and how calm the platform is. All from the seed. */
import type { Answer } from '../../../lambdas/protocol/escalate.ts';
import type { Temper } from '../dynamodb/database.ts';
import { drawRates } from '../faults.ts';
import { Random } from '../random.ts';

export interface Escalated {
  number: number;
  userId: string;
  afterSeconds: number;
  unless: Answer;
  /** The device that caused it. */
  origin: string | undefined;
  retentionSeconds: number | undefined;
}

export type Act =
  | { kind: 'publish'; publish: Escalated }
  /** The same request once more, as a publisher does that has lost the answer. */
  | { kind: 'repeat'; number: number }
  /** Up to the head. */
  | { kind: 'ack'; userId: string; deviceId: string }
  | { kind: 'read'; userId: string }
  | { kind: 'withdraw'; number: number }
  /** A device that nobody has seen yet begins. */
  | { kind: 'begin'; userId: string; deviceId: string }
  | { kind: 'open'; userId: string; connectionId: string }
  | { kind: 'close'; userId: string; connectionId: string }
  /** `fate`: what becomes of the transaction, or that what it puts cannot be published. */
  | { kind: 'outbox'; number: number; userId: string; fate: 'committed' | 'cancelled' | 'wrong' };

export interface Operation {
  at: number;
  act: Act;
}

export interface Plan {
  operations: Operation[];
  rates: Map<string, number>;
  temper: Temper;
  isCalm: boolean;
}

const MINUTE = 60_000;
export const USERS = ['alice', 'bob'] as const;
const DEVICES = ['phone', 'laptop'] as const;

export function planOf(seed: number): Plan {
  const random = new Random(seed, 'events');
  const isCalm = random.chance(0.3);
  const operations: Operation[] = [];
  const numbers: number[] = [];
  const open: { userId: string; connectionId: string }[] = [];
  let at = 0;
  let count = 0;
  for (let length = random.integer(8, 30); length > 0; length--) {
    at += random.logarithmic(5, random.chance(0.3) ? 20 * MINUTE : MINUTE);
    operations.push({ at, act: next() });
  }

  function next(): Act {
    const userId = random.pick(USERS);
    const deviceId = random.pick(DEVICES);
    const drawn = random.next();
    const known = numbers.length > 0 ? random.pick(numbers) : undefined;
    if (drawn < 0.1 && known !== undefined) return { kind: 'repeat', number: known };
    if (drawn < 0.15 && known !== undefined) return { kind: 'withdraw', number: known };
    if (drawn < 0.27) return { kind: 'ack', userId, deviceId };
    if (drawn < 0.32) return { kind: 'read', userId };
    if (drawn < 0.38) return { kind: 'begin', userId, deviceId: `new-${++count}` };
    if (drawn < 0.52) {
      const connection = { userId, connectionId: `c${++count}` };
      open.push(connection);
      return { kind: 'open', ...connection };
    }
    const [closing] = random.shuffle(open);
    if (drawn < 0.66 && closing) {
      open.splice(open.indexOf(closing), 1);
      return { kind: 'close', ...closing };
    }
    if (drawn < 0.76) {
      const fate = random.pick(['committed', 'committed', 'cancelled', 'wrong'] as const);
      return { kind: 'outbox', number: ++count, userId, fate };
    }
    numbers.push(++count);
    const publish: Escalated = {
      number: count,
      userId,
      afterSeconds: random.logarithmic(60, 10_000),
      unless: random.pick(['acked', 'acked', 'read'] as const),
      origin: random.chance(0.4) ? deviceId : undefined,
      retentionSeconds: random.chance(0.2) ? random.logarithmic(60, 10_000) : undefined,
    };
    return { kind: 'publish', publish };
  }

  return {
    operations,
    isCalm,
    rates: isCalm ? new Map() : drawRates(random),
    temper: {
      maxVisibilityMs: isCalm ? 5 : random.logarithmic(5, 3000),
      lateMessages: 0,
      maxLagMs: 2000,
      shortPage: 1,
      shortPageChance: 0,
      unprocessedChance: 0,
      ttl: 'at once',
    },
  };
}
