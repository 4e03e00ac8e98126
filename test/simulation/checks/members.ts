/** Who was a member of which topic, since when, and until when at most: from the rows, and from what was answered. */
import type { Change } from '../dynamodb/database.ts';
import type { Position } from '../world/device.ts';

interface Membership {
  /** The user hears what follows. */
  floor: Position;
  since: number;
  /** When the join was answered for the first time. */
  answeredAt: number | undefined;
  /** When the row went. */
  endedAt: number | undefined;
  /** When a removal was answered that found the row gone, or removed it. */
  leftAt: number | undefined;
}

export class Members {
  readonly #memberships = new Map<string, Membership[]>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  changed({ before, after }: Change): void {
    const row = after ?? before;
    const known = this.#of(String(row?.topic), String(row?.userId));
    if (!before && after) {
      known.push({
        floor: { epoch: String(after.epoch), seq: Number(after.joinedSeq) },
        since: this.#now(),
        answeredAt: undefined,
        endedAt: undefined,
        leftAt: undefined,
      });
    }
    const last = known.at(-1);
    if (before && !after && last) last.endedAt = this.#now();
  }

  joinAnswered(topic: string, userId: string): void {
    const last = this.#of(topic, userId).at(-1);
    if (last && last.endedAt === undefined) last.answeredAt ??= this.#now();
  }

  /** `askedAt`: when the removal was asked for. What joined after that is not removed by it. */
  removalAnswered(topic: string, userId: string, askedAt: number): void {
    // Who joined again meanwhile goes on hearing it.
    if (this.isMember(topic, userId)) return;
    for (const one of this.#of(topic, userId))
      if (one.endedAt !== undefined && one.since < askedAt) one.leftAt ??= this.#now();
  }

  isMember(topic: string, userId: string): boolean {
    return this.#of(topic, userId).at(-1)?.endedAt === undefined && this.#of(topic, userId).length > 0;
  }

  /** Whether the user is a member, and was one all the time since then. */
  isMemberSince(topic: string, userId: string, since: number): boolean {
    const last = this.#of(topic, userId).at(-1);
    return last !== undefined && last.endedAt === undefined && last.since <= since;
  }

  /** The membership that stands. */
  standing(topic: string, userId: string): Membership | undefined {
    const last = this.#of(topic, userId).at(-1);
    return last?.endedAt === undefined ? last : undefined;
  }

  /** Where memberships began that something which began at `since` may go by. */
  floors(topic: string, userId: string, since: number): Position[] {
    return this.#of(topic, userId)
      .filter(({ leftAt }) => leftAt === undefined || leftAt >= since)
      .map(({ floor }) => floor);
  }

  #of(topic: string, userId: string): Membership[] {
    const key = JSON.stringify([topic, userId]);
    const memberships = this.#memberships.get(key) ?? [];
    this.#memberships.set(key, memberships);
    return memberships;
  }
}
