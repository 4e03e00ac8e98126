/**
 * The channels' logs: heads, messages, idempotency keys.
 * `../app.ts` says what holds for every store.
 */
import type { ConnectionKey, Head, Message } from '../model.ts';

/**
 * The channels' logs, in the primitives DynamoDB has. `domain/log/` holds the rules that make them
 * safe.
 */
export interface LogStore {
  /** Undefined: the channel does not exist yet. */
  head(channel: string): Promise<Head | undefined>;
  /** Of channels that exist, by their names. Each is named once. */
  heads(channels: string[]): Promise<ReadonlyMap<string, Head>>;
  /**
   * Creates an empty channel with this head, or returns the head it has. `by`: only while this
   * connection is there, and not being closed. Undefined: it is not.
   */
  create(channel: string, head: Head, by?: ConnectionKey): Promise<Head | undefined>;
  /** All or nothing. */
  append(request: AppendRequest): Promise<AppendOutcome>;
  /**
   * One page of the rows with `after` < seq <= `through`, ascending, expired rows included.
   * `through` of the answer: how far the page reaches. Not isolated from appends: the row of an
   * append under way may be missing.
   */
  query(channel: string, after: number, through: number): Promise<{ messages: Message[]; through: number }>;
  /**
   * At most `limit` of the rows with `after` < seq <= `through`, descending, expired rows included.
   * `from` of the answer: how far down the page reaches. Not isolated from appends either.
   */
  queryBack(
    channel: string,
    after: number,
    through: number,
    limit: number,
  ): Promise<{ messages: Message[]; from: number }>;
  /**
   * At most {@link MAX_PROOF} seqs, expired rows included; a seq neither present nor in doubt does
   * not exist.
   */
  prove(channel: string, seqs: number[]): Promise<Proof>;
  /** The message that an idempotency key stands for. Undefined: the key does not hold at `now`. */
  seqOf(channel: string, key: string, now: number): Promise<number | undefined>;
}

export interface AppendRequest {
  channel: string;
  /** Where the head must stand, as the store gave it. Undefined: there must be none. */
  expected: Head | undefined;
  /** Where the head moves. */
  next: Head;
  /** Takes `next.seq`, which must be free. */
  message: Message;
  /**
   * Must be unused, expired at `now`, or of another epoch. Undefined: the publish cannot be
   * repeated.
   */
  idempotency: IdempotencyKey | undefined;
  /**
   * What the same write leaves of the message that this one withdraws. It must be kept, and not be
   * withdrawn yet. A withdrawal has no idempotency key.
   */
  withdraws?: Message | undefined;
  now: number;
}

/** Makes a publish repeatable: the same key with the same payload is the same message. */
export interface IdempotencyKey {
  key: string;
  /** Canonical text of what the publisher asked for. */
  payload: string;
  /** When the key may be used anew. Whole seconds. */
  expiresAt: number;
}

/**
 * `lost_race`: the head is no longer the expected one, or another append is under way; read it and
 * try again.
 */
export type AppendOutcome =
  /** `head`: as the store would give it, if it were read. */
  | { outcome: 'appended'; head: Head }
  | { outcome: 'lost_race' }
  | { outcome: 'duplicate'; seq: number; samePayload: boolean }
  /** There is no such message to withdraw, or not any more. */
  | { outcome: 'not_kept' };

/**
 * A serializable read of some seqs. `in_doubt`: an append of one of them is under way; look again.
 */
export type Proof = { outcome: 'proven'; present: Message[] } | { outcome: 'in_doubt' };

/** DynamoDB's limit on one transaction. */
export const MAX_PROOF = 100;
