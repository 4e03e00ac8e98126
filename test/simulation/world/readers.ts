/** People who look at what they got, and mark what they read: on their devices, or by a service that acts for them. */
import type { Mark } from '../../../lambdas/protocol/read-mark.ts';
import { userPath } from '../../../lambdas/protocol/user-path.ts';
import type { ShownHistory } from '../checks/histories.ts';
import { PUT_READ } from '../checks/reads.ts';
import type { World } from './world.ts';

const TRIES = 6;
const PAST_THE_HEAD = 1000;

export class Readers {
  #asked = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** On a device, if it is connected. */
  mark(device: number): void {
    const one = this.#world.devices[device];
    if (one) one.sendRaw(JSON.stringify({ action: 'read', ...this.#markFor(one.spec.userId) }));
  }

  /** By a service, until it is answered. */
  async markOverHttp(userId: string): Promise<void> {
    const { scheduler, random, judge } = this.#world;
    const mark = this.#markFor(userId);
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const askedAt = scheduler.now;
      const answer = await this.#ask({ routeKey: PUT_READ, userId, body: JSON.stringify(mark) });
      if (answer?.statusCode === 200) judge.reads.checkTold(userId, JSON.parse(answer.body), askedAt);
      if (answer && answer.statusCode < 500 && answer.statusCode !== 429) return;
      await scheduler.sleep(random.logarithmic(100, 5000));
    }
  }

  /** A page of a channel, as a client shows it. */
  async look(device: number, channel: string | undefined): Promise<void> {
    const { devices, random } = this.#world;
    const own = `user:${devices[device]?.spec.userId}`;
    const head = this.#world.judge.ledger.committedHead(channel ?? own);
    const before = random.chance(0.4) ? { before: random.integer(0, head + 1) } : {};
    const limit = random.integer(1, 30);
    const frame = { action: 'history', limit, ...before, ...(channel && { channel }) };
    await devices[device]?.ask(frame, `history ${++this.#asked}`);
  }

  async lookOverHttp(userId: string): Promise<void> {
    const { scheduler, judge } = this.#world;
    const channel = `user:${userId}`;
    const startedAt = scheduler.now;
    const standing = judge.histories.standing(channel);
    const query = { limit: '100' };
    const answer = await this.#ask({ routeKey: 'GET /users/{userId}/inbox', userId, query });
    if (answer?.statusCode !== 200) return;
    const shown: ShownHistory = JSON.parse(answer.body);
    const asked = {
      channel,
      before: undefined,
      limit: 100,
      startedAt,
      clockOffsetMs: -CLOCK_BEHIND_MS,
      ...standing,
    };
    judge.histories.check(asked, shown);
  }

  /** Of what there is; now and then of what there is not. */
  #markFor(userId: string): Mark {
    const { random, judge } = this.#world;
    const head = judge.ledger.committedHead(`user:${userId}`);
    if (head === 0 || random.chance(0.03))
      return { through: random.chance(0.5) ? head : head + PAST_THE_HEAD };
    const seqs = Array.from({ length: random.integer(1, 4) }, () => random.integer(1, head));
    return random.pick<Mark>([{ through: random.integer(0, head) }, { seqs }, { seqs }, { unread: seqs }]);
  }

  /** Undefined: it failed. */
  async #ask({ routeKey, userId, query, body }: Request): Promise<Answer | undefined> {
    const event = {
      routeKey,
      headers: {},
      pathParameters: { userId: userPath(userId) },
      ...(query && { queryStringParameters: query }),
      ...(body !== undefined && { body }),
    };
    const outcome = await this.#world.lambdas.invoke('users', event);
    return outcome.kind === 'returned' ? (outcome.value as Answer) : undefined;
  }
}

/** As far as the clock of a Lambda may be behind. */
const CLOCK_BEHIND_MS = 5000;

interface Request {
  routeKey: string;
  userId: string;
  query?: Record<string, string>;
  body?: string;
}

interface Answer {
  statusCode: number;
  body: string;
}
