/**
 * What the domain needs of the world. On AWS and on the local stack `store/` and `gateway/` implement it,
 * in the unit tests memory does. All reads of the stores are strongly consistent and drop what has expired;
 * every method rejects with a {@link Busy} when the store is throttled and with any other error when it is unreachable:
 * then the effect may or may not have happened. Instants end in `At` and are epoch milliseconds.
 */
import type { ByeCode } from '../protocol/errors.ts';
import type { AckMode, JsonText, WireMessage } from '../protocol/frames.ts';

/** The store cannot take more for the moment; the same call may succeed later. */
export class Busy extends Error {
  override readonly name = 'Busy';
}

export interface ConnectionKey {
  userId: string;
  connectionId: string;
}

/** One open, or still opening, WebSocket. */
export interface Connection extends ConnectionKey {
  /** Undefined: an anonymous device. */
  deviceId: string | undefined;
  ackMode: AckMode;
  /** It takes over from an older connection of its device, which stays until this one is ready. */
  handover: boolean;
  connectedAt: number;
  /** No frame is posted from this instant on. */
  tokenExpiresAt: number;
  /** Callback URL of the API stage that holds the socket. */
  endpoint: string;
  /** When the `ready` frame was accepted. Until then nothing else is posted. */
  readyAt: number | undefined;
  /** Set: it is being closed for this reason, and gets nothing but its `bye`. */
  bye: ByeCode | undefined;
  /** When the row lapses, should nobody delete it. Whole seconds. */
  expiresAt: number;
}

export interface ConnectionStore {
  /** The request id makes the stream drive the new connection's `ready` and replay. */
  add(connection: Connection, requestId: string): Promise<void>;
  find(key: ConnectionKey): Promise<Connection | undefined>;
  /** All of a user's, however many. */
  list(userId: string): Promise<Connection[]>;
  /** The same, at most so many at a time; each page as it stands when it is asked for. */
  pages(userId: string, limit: number): AsyncIterable<Connection[]>;
  remove(key: ConnectionKey): Promise<void>;
  /** Does nothing when the row is gone, like the two below: a closed connection never comes back. */
  markReady(key: ConnectionKey, readyAt: number): Promise<void>;
  /**
   * The first reason stands. From then on the connection gets nothing but its `bye`. The request id makes the stream say it: in
   * the same write, since a connection that is marked and never driven would stay open and hear nothing more.
   */
  markClosing(key: ConnectionKey, code: ByeCode, requestId?: string): Promise<void>;
  /**
   * Touches the row, so that the stream drives a replay of the connection, or its `bye`: at least once, some
   * time after this call. `after`: replay what follows this seq instead of the device's cursor.
   */
  requestReconcile(key: ConnectionKey, requestId: string, after?: number): Promise<void>;
}

/** A position in a channel, within one numbering of it. */
export interface Cursor {
  epoch: string;
  seq: number;
}

export interface DeviceKey {
  userId: string;
  deviceId: string;
}

export interface Device extends DeviceKey {
  /** By channel: the last seq it acknowledged. */
  cursors: ReadonlyMap<string, Cursor>;
  lastSeenAt: number;
}

/** When a device was seen, and until when it is remembered. `expiresAt` in whole seconds. */
export interface LastSeen {
  lastSeenAt: number;
  expiresAt: number;
}

export interface DeviceStore {
  /** Notes the sighting and returns the device; one unknown or expired begins without cursors. */
  see(key: DeviceKey, lastSeen: LastSeen): Promise<Device>;
  find(key: DeviceKey): Promise<Device | undefined>;
  list(userId: string): Promise<Device[]>;
  /**
   * Moves a cursor forward, atomically, and notes the sighting. Within an epoch it never goes back.
   * Without `from`: it moves if there is no cursor, or one of another epoch, or one before `to`.
   * With `from`: it moves only if it stands in `to`'s epoch at or after `from` and before `to`.
   * `anew`: only if there is no cursor, or one of another epoch.
   * Returns whether it moved.
   */
  advance(
    key: DeviceKey,
    channel: string,
    to: Cursor,
    lastSeen: LastSeen,
    from?: number | 'anew',
  ): Promise<boolean>;
}

/** The newest seq of a channel; `seq` 0: it holds no message yet. */
export interface Head extends Cursor {
  /** When its newest message was appended. */
  updatedAt: number;
}

/** A message as it is stored. */
export interface Message extends WireMessage {
  data: JsonText;
  originDeviceId: string | undefined;
  /** Whole seconds. */
  expiresAt: number;
}

/** Makes a publish repeatable: the same key with the same payload is the same message. */
export interface IdempotencyKey {
  key: string;
  /** Canonical text of what the publisher asked for. */
  payload: string;
  /** When the key may be used anew. Whole seconds. */
  expiresAt: number;
}

/** `lost_race`: the head is no longer the expected one, or another append is under way; read it and try again. */
export type AppendOutcome =
  | { outcome: 'appended' }
  | { outcome: 'lost_race' }
  | { outcome: 'duplicate'; seq: number; samePayload: boolean };

/** A serializable look at some seqs. `in_doubt`: an append of one of them is under way; look again. */
export type Proof = { outcome: 'proven'; present: Message[] } | { outcome: 'in_doubt' };

/**
 * A channel's log, in the primitives DynamoDB has. `append.ts` and `read-log.ts` hold the rules that make
 * them safe: nothing else calls them.
 */
export interface MessageLog {
  /** Undefined: the channel does not exist yet. */
  head(channel: string): Promise<Head | undefined>;
  /** Creates an empty channel with this head, or returns the head it has. */
  create(channel: string, head: Head): Promise<Head>;
  /**
   * All or nothing: moves the head from `expected` (undefined: none) to `next`, adds the message at `next.seq`,
   * which must be absent, and keeps the idempotency key, which must be absent, expired at `now`, or of another epoch.
   */
  append(
    channel: string,
    expected: Head | undefined,
    next: Head,
    message: Message,
    idempotency: IdempotencyKey | undefined,
    now: number,
  ): Promise<AppendOutcome>;
  /**
   * One page of the rows with `after` < seq <= `through`, ascending, expired ones included. `through` of the answer: how
   * far the page reaches. Not isolated from appends: a row of one under way may be missing.
   */
  query(channel: string, after: number, through: number): Promise<{ messages: Message[]; through: number }>;
  /** At most {@link MAX_PROOF} seqs, expired rows included; a seq neither present nor in doubt does not exist. */
  prove(channel: string, seqs: number[]): Promise<Proof>;
}

/** DynamoDB's limit on one transaction. */
export const MAX_PROOF = 100;

/**
 * What became of one frame. `gone`: the connection does not exist, or not yet (HTTP 410 says both).
 * `throttled`: the client or the account takes no more for now. `failed`: anything else, also a time-out;
 * the frame may have arrived.
 */
export type PostOutcome = 'sent' | 'gone' | 'throttled' | 'failed';

/** Never rejects: the outcome says it, and a `failed` one is logged where it is known. */
export interface Gateway {
  post(connection: Pick<Connection, 'connectionId' | 'endpoint'>, frame: string): Promise<PostOutcome>;
  /** Closes the socket; `sent`: it is closing. */
  close(connection: Pick<Connection, 'connectionId' | 'endpoint'>): Promise<PostOutcome>;
}

export interface Clock {
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

export interface Ids {
  /** A new UUIDv7. */
  next(): string;
  /** From 0 up to 1, for jitter. */
  random(): number;
}

/** What the person on call reads. Fields are scalars; no token, no `data` of a message. */
export interface Logger {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /**
   * Adds to metrics; a name ends in its unit when it has one, as in `postMs`. With a message the same line is one of the log, too.
   */
  metrics(values: Record<string, number>, message?: string, fields?: LogFields): void;
}

export type LogFields = Record<string, string | number | boolean | undefined | Error>;
