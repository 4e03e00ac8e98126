/** What the application was told, held against what happened. */
import type { LambdaSpec, TableAction } from '../../../lambdas/lambda-spec.ts';
import { LAMBDAS } from '../../../lambdas/manifest.ts';
import type { Watcher } from '../dynamodb/client.ts';
import type { Database, TableName } from '../dynamodb/database.ts';
import type { Row } from '../dynamodb/expressions.ts';
import type { Invocation } from '../world/invocation.ts';
import type { Escalated } from './plan.ts';

export interface Violation {
  guarantee: string;
  detail: string;
}

interface Wanted {
  publish: Escalated;
  /** Its publisher was answered that it is stored. */
  isAnswered: boolean;
  withdrawnAt: number | undefined;
  told: number;
}

/** An ack, or that something was read, and which messages it answers. */
interface Given {
  userId: string;
  at: number;
  isAnswer(publish: Escalated, seq: number): boolean;
}

export class Checks implements Watcher {
  violation: Violation | undefined;
  /** By the number of the publish. */
  readonly wanted = new Map<number, Wanted>();
  readonly answers: Given[] = [];
  readonly #database: Database;
  readonly #now: () => number;
  /** By user: what was told last, by `at`. */
  readonly #last = new Map<string, { detailType: string; at: number }>();

  constructor(database: Database, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  violated(guarantee: string, detail: string): void {
    this.violation ??= { guarantee, detail };
  }

  /** The message of a publish, as it is stored, with its place. */
  stored(number: number): Row | undefined {
    return this.#database.rows('messages').find(({ id }) => id === keyOf(number));
  }

  /** When somebody answered the message, or it was withdrawn. Its row may not have shown then. */
  #settledAt({ publish, withdrawnAt = Number.POSITIVE_INFINITY }: Wanted, seq: number): number {
    const given = this.answers.filter(
      ({ userId, isAnswer }) => userId === publish.userId && isAnswer(publish, seq),
    );
    return Math.min(withdrawnAt, ...given.map(({ at }) => at));
  }

  told(detailType: string, detail: Record<string, unknown>, startedAt: number): void {
    if (detailType === 'Message Unanswered') this.#toldUnanswered(detail, startedAt);
    if (!detailType.startsWith('User')) return;
    const { userId, at } = detail as { userId: string; at: number };
    if (at >= (this.#last.get(userId)?.at ?? 0)) this.#last.set(userId, { detailType, at });
  }

  #toldUnanswered({ id, seq, userId, sentAt }: Record<string, unknown>, startedAt: number): void {
    const what = `${userId} seq ${seq}`;
    const wanted = [...this.wanted.values()].find(({ publish }) => keyOf(publish.number) === id);
    if (wanted === undefined) {
      this.violated('only what is to be answered is unanswered', what);
      return;
    }
    wanted.told += 1;
    const { publish } = wanted;
    if (this.#now() < Number(sentAt) + publish.afterSeconds * 1000)
      this.violated('nobody is called too early', what);
    if (this.#settledAt(wanted, Number(seq)) < startedAt)
      this.violated('nobody is called for what is answered or withdrawn', what);
    const expiresAt = Number(sentAt) + (publish.retentionSeconds ?? Number.POSITIVE_INFINITY) * 1000;
    if (Math.ceil(expiresAt / 1000) * 1000 < startedAt)
      this.violated('nobody is called for what has expired', what);
  }

  /** When all is over. */
  checkCalls(isCalm: boolean): void {
    for (const wanted of this.wanted.values()) {
      const { publish, isAnswered, told } = wanted;
      const what = `${publish.userId}: publish ${publish.number}, told ${told} times`;
      const settledAt = this.#settledAt(wanted, Number(this.stored(publish.number)?.seq));
      const isKept = publish.retentionSeconds === undefined;
      const isDue = isAnswered && settledAt === Number.POSITIVE_INFINITY && isKept;
      if (isDue && told === 0) this.violated('somebody is called for what nobody answers', what);
      if (isCalm && told > 1) this.violated('nobody is called twice while nothing fails', what);
    }
  }

  checkPresence(online: ReadonlyMap<string, number>): void {
    for (const [userId, count] of online) {
      const last = this.#last.get(userId)?.detailType ?? 'User Offline';
      if (last !== (count > 0 ? 'User Online' : 'User Offline'))
        this.violated('the last word on a user is true', `${userId}: ${last}, ${count} connections`);
    }
  }

  checkOutbox(number: number, fate: string, deadLetters: string[]): void {
    const id = keyOf(number);
    const messages = this.#database.rows('messages').filter((row) => row.id === id);
    const row = this.#database.get('outbox', { id }, true);
    const what = `${fate} row ${id}: ${messages.length} messages, ${JSON.stringify(row)}`;
    const expected = fate === 'committed' ? 1 : 0;
    if (messages.length !== expected) this.violated('a row is published once if it was committed', what);
    if (fate === 'wrong') {
      if (row?.failed === undefined) this.violated('a row that cannot be published says why', what);
      if (!deadLetters.some((body) => body.includes(`"${id}"`)))
        this.violated('a row that cannot be published is a dead letter', what);
    } else if (row !== undefined) this.violated('a row that was published is taken away', what);
  }

  asked({ id, lambda }: Invocation, table: TableName, action: TableAction): void {
    // What is performed for others goes by the name of notify.
    if (lambda === 'notify') return;
    const { tables = {} }: LambdaSpec = LAMBDAS[lambda];
    if (!tables[table]?.includes(action))
      this.violated('a Lambda does only what it may', `${lambda} #${id}: ${action} on ${table}`);
  }

  read(): void {}
  wrote(): void {}
  refused(): void {}
  proved(): void {}
  showing(): void {}
}

export const keyOf = (number: number): string => `key-${number}`;
