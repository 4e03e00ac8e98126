/** Services that take back what was published to a user, and retry as such services do. */
import { userPath } from '../../../lambdas/protocol/user-path.ts';
import type { Entry } from '../checks/ledger.ts';
import type { Outcome } from './invocation.ts';
import type { World } from './world.ts';

const TRIES = 6;
const BY_SEQ = 'DELETE /users/{userId}/messages/{seq}';
const BY_ID = 'DELETE /users/{userId}/messages';

interface Withdrawal {
  userId: string;
  /** How many of the user's messages are newer. */
  newer: number;
  byId: boolean;
}

export class Withdrawers {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Until it is answered. */
  async withdraw({ userId, newer, byId }: Withdrawal): Promise<void> {
    const { scheduler, random, judge } = this.#world;
    const channel = `user:${userId}`;
    const { epoch, head } = judge.ledger.channel(channel);
    const seq = head - newer;
    const entry = judge.ledger.entry(channel, seq);
    if (!entry) return;
    const event = {
      routeKey: byId ? BY_ID : BY_SEQ,
      headers: {},
      pathParameters: { userId: userPath(userId), ...(!byId && { seq: String(seq) }) },
      ...(byId && { queryStringParameters: { id: entry.id } }),
    };
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const outcome = await this.#world.lambdas.invoke('users', event);
      // After a restore the seq may be another message's, or nobody's.
      if (judge.ledger.channel(channel).epoch !== epoch) return;
      if (outcome.kind === 'returned' && this.#heard(outcome, entry, { channel, byId })) return;
      await scheduler.sleep(random.logarithmic(100, 5000));
    }
  }

  /** Whether the answer is final. */
  #heard(
    { value }: Extract<Outcome, { kind: 'returned' }>,
    entry: Entry,
    { channel, byId }: { channel: string; byId: boolean },
  ): boolean {
    const { ledger, violated } = this.#world.judge;
    const { statusCode, body } = value as { statusCode: number; body: string };
    const what = `${channel}: seq ${entry.seq}, ${statusCode} ${body}`;
    if (statusCode === 200 && !byId && entry.withdrawnAt === undefined)
      violated('what was answered as withdrawn has no content', what);
    const isThere = !ledger.hasExpired(entry) && entry.withdraws === undefined && !entry.restored;
    // By an id only as long as its key is known, and only what was published with one.
    if (statusCode === 404 && !byId && isThere) violated('what is kept can be withdrawn', what);
    return statusCode < 500 && statusCode !== 429;
  }
}
