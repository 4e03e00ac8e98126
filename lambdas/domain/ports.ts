/**
 * What the domain needs of the world. On AWS and on the local stack `adapters/` implements it,
 * in the unit tests memory does. All reads of the stores are strongly consistent and drop what has
 * expired. Every method rejects with a `Busy` when the store is throttled, and with any other error
 * when the store is unreachable: then the effect may or may not have happened.
 */
import type { ByeCode } from '../protocol/errors.ts';
import type {
  DialectName,
  HistoryFrame,
  JsonText,
  OutgoingFrame,
  ReadState,
  ReplayFrame,
  WireMessage,
} from '../protocol/frames.ts';
import type { OutboxEntry } from '../protocol/outbox.ts';
import type {
  Channel,
  Connection,
  ConnectionKey,
  Device,
  DeviceKey,
  Head,
  LastSeen,
  Member,
  Message,
  Pause,
  Position,
  Stored,
  Subscription,
  SubscriptionKey,
} from './model.ts';

export interface ConnectionStore {
  /** The request id makes the stream reconcile the new connection: `ready`, then its replay. */
  add(connection: Connection, requestId: string): Promise<void>;
  find(key: ConnectionKey): Promise<Connection | undefined>;
  /** All connections of a user, however many. */
  list(userId: string): Promise<Connection[]>;
  /** The same in pages of at most `limit`. Each page is read when it is asked for. */
  pages(userId: string, limit: number): AsyncIterable<Connection[]>;
  /**
   * The row, and the rows of what the connection subscribes to. `channels`: these too, where its
   * own row does not tell them because it was never written.
   */
  remove(key: ConnectionKey & Partial<Pick<Connection, 'channels'>>): Promise<void>;
  /**
   * From then on the connection gets nothing but its `bye`; the first reason stands. The request id
   * makes the stream say it. Mark and request are one write: a connection that is marked and never
   * reconciled would stay open and hear nothing more. The connection's subscriptions are removed
   * before this resolves, so that a publish that comes after finds none. Does nothing when the row
   * is gone.
   */
  markClosing(key: ConnectionKey, code: ByeCode, requestId: string): Promise<void>;
  /**
   * Takes the lease of the start, and removes the request from the row. False: another holds it, or
   * the connection is ready, being closed or gone.
   */
  beginStart(key: ConnectionKey, lease: Omit<ReplayLease, 'after'>): Promise<boolean>;
  /**
   * `ready` was accepted: from now on live messages are posted. Undefined: the lease lapsed and is
   * another's, or the row is gone.
   */
  markStarted(key: ConnectionKey, started: Started): Promise<{ wanted: number | undefined } | undefined>;
  /**
   * Has whoever starts the connection replay what follows this seq, if that is further back than
   * where the start would begin. False: nobody is starting it, or this much is wanted already.
   */
  wantStartAfter(key: ConnectionKey, after: number): Promise<boolean>;
}

export interface Started {
  by: string;
  readyAt: number;
  /** See {@link Serving}. */
  startsAt: Position | undefined;
  /** Where its replay begins. */
  after: number;
  /** The replay that follows runs under the same lease, until then. Undefined: it is given back. */
  until: number | undefined;
}

/**
 * What became of a `subscribe`. `closed`: the connection is gone, or being closed.
 * - `already`: it heard the channel before, and nothing has changed.
 * - `no_member`: it was to hear the channel as its user's, who is no member any more.
 */
export type Subscribed = 'subscribed' | 'already' | 'closed' | 'no_member' | 'too_many';

export interface Subscribing {
  /** Channels that the connection may hear besides its own, this one counted. */
  maxChannels: number;
  /** Only if the user still is this member. */
  asMember: Pick<Member, 'topic'> | undefined;
  /** See {@link Subscription}, like the next two. */
  permitted: boolean;
  readyAt: number | undefined;
  startsAt: Position | undefined;
  /** Makes the stream reconcile the new subscription. Undefined: whoever adds it serves it. */
  requestId: string | undefined;
}

/** A part of a channel's subscribers, in the order of their keys. */
export interface SubscriberRange {
  /** Inclusive, like `to`. */
  from: string;
  to: string;
}

/** Before the first subscriber's key and after the last: they begin with 8 hexadecimal digits. */
export const ALL_SUBSCRIBERS: SubscriberRange = { from: '0', to: 'g' };

export interface SubscriptionPage {
  subscriptions: Subscription[];
  /** The `from` of the next page. Undefined: this page is the last. */
  next: string | undefined;
}

/**
 * Who hears which channel, and how far each is served. Of a user's own channel the rows are those
 * of the connections. A method that changes a row does nothing when the row is gone: a closed
 * connection never comes back.
 */
export interface SubscriptionStore {
  find(key: SubscriptionKey): Promise<Subscription | undefined>;
  /** At most `limit` of those who hear a channel that is not a user's own. */
  page(channel: Channel, range: SubscriberRange, limit: number): Promise<SubscriptionPage>;
  /** One transaction: only for a connection that is there and not being closed. */
  add(connection: Connection, channel: Channel, subscribing: Subscribing): Promise<Subscribed>;
  remove(key: SubscriptionKey): Promise<void>;
  /**
   * The same, but only if the user is no member of the topic, and the client may not hear it
   * anyway. Waits for an `add` that is under way, which a `find` may not see yet. Returns whether
   * there was one to remove.
   */
  removeFormerMember(key: SubscriptionKey, topic: string): Promise<boolean>;
  /** The client may hear the channel even if its user is no member any more. */
  permit(subscription: Subscription): Promise<void>;
  /**
   * Opens a subscription that came with its connection to live messages. `request`: as of {@link
   * requestReconcile}.
   */
  begin(
    key: SubscriptionKey,
    begin: {
      readyAt: number;
      startsAt: Position | undefined;
      request: { id: string; after: number } | undefined;
    },
  ): Promise<void>;
  /** `startsAt`: see {@link Serving}. What asked for it is done. */
  markReady(key: SubscriptionKey, readyAt: number, startsAt?: Position): Promise<void>;
  /**
   * Holds live messages back from now on. Returns whether this call paused the subscription: if it
   * was paused already, its `at` stays, and the smaller `after` counts (of an anonymous device).
   */
  pause(key: SubscriptionKey, pause: Pause, by: string): Promise<boolean>;
  /**
   * Live messages are posted again from now on. False: a smaller `after` is wanted than this pause
   * has.
   */
  resume(key: SubscriptionKey, pause: Pause): Promise<boolean>;
  /**
   * Takes the lease of the subscription's replay, and removes the request from the row (`begun`).
   * `wanted`: another replay is under way; when it ends, the subscription is reconciled for what
   * this call wants. `merged`: so it is for another call, which wanted no less; or the row is gone.
   */
  beginReplay(key: SubscriptionKey, lease: ReplayLease): Promise<'begun' | 'wanted' | 'merged'>;
  /**
   * Gives the lease back. If another replay was wanted meanwhile, or this replay goes on, the
   * stream reconciles the subscription: from the seq that was wanted, or from `through`, whichever
   * is smaller.
   */
  endReplay(key: SubscriptionKey, end: ReplayEnd): Promise<void>;
  /**
   * Touches the row, so that the stream reconciles the subscription: at least once, some time after
   * this call. `after`: replay what follows this seq instead of the device's cursor.
   */
  requestReconcile(key: SubscriptionKey, requestId: string, after?: number): Promise<void>;
  /**
   * Of a STOMP connection: says that a channel has news, and has the stream start a pump. Returns
   * whether its socket is there.
   */
  announce(connectionId: string, channel: string, requestId: string): Promise<boolean>;
}

/** Whom topics belong to. */
export interface MemberStore {
  find(userId: string, topic: string): Promise<Member | undefined>;
  /** Returns the member as it stands: whoever is one already joined when they did. */
  add(member: Member): Promise<Member>;
  /** Whether the user was a member. */
  remove(userId: string, topic: string): Promise<boolean>;
  topicsOf(userId: string): Promise<Member[]>;
  /** A topic's members in the order of their ids, from after `after`. This list may lag behind. */
  page(topic: string, limit: number, after: string | undefined): Promise<MemberPage>;
}

export interface MemberPage {
  members: Member[];
  /** The `after` of the next page. Undefined: this page is the last. */
  next: string | undefined;
}

/** One replay at a time runs for a subscription: a lease (a lock that lapses) on its row. */
export interface ReplayLease {
  /** Names the holder, so that only the holder gives the lease back. */
  holder: string;
  /** Where the replay starts. */
  after: number;
  now: number;
  /** When the lease lapses, should its holder die. */
  until: number;
}

export interface ReplayEnd {
  holder: string;
  /** Everything up to here was accepted. */
  through: number;
  goesOn: boolean;
  requestId: string;
}

export interface ReconcileRequest extends SubscriptionKey {
  /** Replay what follows this seq. Undefined: what follows the device's cursor. */
  after: number | undefined;
  /** Tell the connection what its user has read: that changed while it was opening. */
  readState?: true;
  /**
   * Set: the connection is new. Names this start of it, so that the same request, handed over
   * again, goes on where it was, and does nothing where the client has started its connection
   * itself.
   */
  startId?: string | undefined;
}

/** Work for later. */
export interface Later {
  /**
   * Has the subscription reconciled: at least once, some time after `delaySeconds` (0 to 900).
   * Rejects when that was not taken for certain, like the others.
   */
  reconcile(request: ReconcileRequest, delaySeconds: number): Promise<void>;
  /** Has it looked up whether a message was answered: at least once, like the next. */
  escalate(task: EscalationTask, delaySeconds: number): Promise<void>;
  /** Has it looked up whether a user is still away. */
  checkOffline(check: OfflineCheck, delaySeconds: number): Promise<void>;
}

/** Names a message that may be without an answer when its time is over. */
export interface EscalationTask extends Position {
  channel: Channel;
  /** What is left to wait when the delay is over. */
  restSeconds: number;
}

/** Of which messages the application was told that they are unanswered. */
export interface Unanswered {
  /**
   * Takes the lease of telling it. `taken`: another has it; `over`: it was told, or the message is
   * withdrawn or gone.
   */
  begin(stored: Stored, lease: { now: number; until: number }): Promise<'begun' | 'taken' | 'over'>;
  /** It was told. */
  end(stored: Stored): Promise<void>;
}

/** What is to be looked up when the delay after a close is over. */
export interface OfflineCheck {
  userId: string;
  closedAt: number;
}

/** One message for one part of those who hear its channel. */
export interface FanOutTask extends SubscriberRange {
  channel: Channel;
  epoch: string;
  seq: number;
  /** When its publisher asked. */
  publishedAt: number;
  /** Whether its lines are logged. */
  traced: boolean;
}

/** The queue of what is left of large fan-outs. */
export interface FanOutQueue {
  /** Each is done at least once. Rejects when not all of them were taken for certain. */
  send(tasks: FanOutTask[]): Promise<void>;
}

/** The application's event bus. */
export interface EventBus {
  /** Rejects when the bus did not take the event for certain. */
  put(detailType: string, detail: Record<string, unknown>): Promise<void>;
}

/** How far devices have come in channels. What is not known yet begins as {@link LastSeen} says. */
export interface CursorStore {
  find(key: DeviceKey): Promise<Device | undefined>;
  /**
   * Moves a cursor forward, atomically, and writes when the device was seen. Within an epoch a
   * cursor never goes back. The device is then remembered until `expiresAt`; only a move `anew`
   * leaves that as it is. Returns whether the cursor moved.
   */
  advance(key: DeviceKey, channel: string, move: CursorMove, lastSeen: LastSeen): Promise<boolean>;
  /**
   * Where the user's most advanced device stands in a channel. Undefined: that was not kept yet.
   */
  findFurthest(userId: string, channel: string): Promise<Position | undefined>;
  advanceFurthest(userId: string, channel: string, to: Position, lastSeen: LastSeen): Promise<void>;
}

export interface DeviceStore extends CursorStore {
  /**
   * Writes when the device was seen, and returns the device. An unknown or expired device begins
   * without cursors and is remembered until `expiresAt`. A known device is remembered as long as
   * before. Undefined: it is not known, and its connection is gone.
   */
  touch(key: DeviceKey, lastSeen: LastSeen): Promise<Device | undefined>;
  list(userId: string): Promise<Device[]>;
  /**
   * Devices in the order of their ids, at most `limit`. `after`: the id that the page begins after.
   */
  page(userId: string, limit: number, after: string | undefined): Promise<DevicePage>;
  /** Forgets a device, unless it was seen since this was read. */
  forget(device: Device): Promise<void>;
  /**
   * Counts a new device of the user. `count`: at least as many as there are. Undefined: it is the
   * first, and its connection is gone.
   */
  enroll(userId: string, lastSeen: LastSeen): Promise<Enrolled | undefined>;
  /** Corrects what {@link enroll} counts. */
  recount(userId: string, count: number): Promise<void>;
}

export interface DevicePage {
  devices: Device[];
  /** The `after` of the next page. Undefined: this page is the last. */
  next: string | undefined;
}

export interface Enrolled {
  count: number;
  /** By channel: where the user's most advanced device stands, as far as that was kept. */
  furthest: ReadonlyMap<string, Position>;
}

export interface CursorMove {
  to: Position;
  /**
   * When the cursor moves:
   * - Undefined: if there is no cursor, or its epoch is another, or it stands before `to`.
   * - A seq: only if the cursor stands in `to`'s epoch, at or after this seq and before `to`.
   * - `anew`: only if there is no cursor, or its epoch is another.
   * - `again`: only if the cursor stands at `to` already; nothing changes but how long the device
   *   is remembered.
   */
  from?: number | 'anew' | 'again';
}

/** What a user has read, in one epoch of the user's own channel. */
export interface StoredReadState extends ReadState {
  epoch: string;
}

export interface ReadStateStore {
  /** Undefined: nothing was ever marked. */
  find(userId: string): Promise<StoredReadState | undefined>;
  /**
   * False: the state is of another version than the expected one (0: there is none), or it would be
   * the first and the user's own channel is not of its epoch any more.
   */
  replace(
    userId: string,
    expectedVersion: number,
    state: StoredReadState,
    /** Versions begin anew when a user was erased: of which epoch the expected state is. */
    expectedEpoch?: string,
  ): Promise<boolean>;
}

/** What the start of a connection asks for. */
export interface StartKeys {
  userId: string;
  /** Undefined: an anonymous device. */
  device: DeviceKey | undefined;
  /** By which `App.cursors` knows the device; each once, like the names of channels. */
  cursors: DeviceKey[];
  channels: string[];
}

/** What there is of it. */
export interface StartRows {
  device: Device | undefined;
  /** In any order. */
  cursors: Device[];
  readState: StoredReadState | undefined;
  /** By the names of the channels. */
  heads: ReadonlyMap<string, Head>;
}

export interface StartStore {
  /** All of it in one call. Each row is as it stood at some time during the call. */
  read(keys: StartKeys): Promise<StartRows>;
}

/** The tables with what is kept of a user, beside the connections. Of a log, all but its head. */
export type KeptRows = 'devices' | 'cursors' | 'members' | 'messages' | 'publishes';

/** What is kept of a user, to be taken away. */
export interface UserRows {
  /** At most `limit` rows of one table. Returns how many there were; 0: none is left. */
  remove(userId: string, kind: KeptRows, limit: number): Promise<number>;
  /**
   * Ends the epoch of the user's own channel. False: the head is not as it was read, or there is
   * none.
   */
  removeHead(userId: string, head: Head): Promise<boolean>;
  /** Connections whose sockets have long ended, and that are not deleted yet. Returns how many. */
  removeLapsed(userId: string): Promise<number>;
  /** What is kept of a connection of STOMP beside its row. */
  removeSocket(connectionId: string): Promise<void>;
}

/** Makes a publish repeatable: the same key with the same payload is the same message. */
export interface IdempotencyKey {
  key: string;
  /** Canonical text of what the publisher asked for. */
  payload: string;
  /** When the key may be used anew. Whole seconds. */
  expiresAt: number;
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

/** DynamoDB's limit on one transaction. */
export const MAX_PROOF = 100;

/**
 * What became of one frame. `gone`: the connection does not exist, or not yet (HTTP 410 says both).
 * `throttled`: the client or the account takes no more for now. `failed`: anything else, also a
 * time-out; the frame may have arrived.
 */
export type PostOutcome = 'sent' | 'gone' | 'throttled' | 'failed';

/** What the gateway needs to know of a connection. */
export type Recipient = Pick<Connection, 'connectionId' | 'endpoint' | 'dialect'>;

/** Never rejects: the outcome says what happened. The gateway logs why a call `failed`. */
export interface Gateway {
  /** Encodes the frame in the connection's dialect, and posts it. */
  post(connection: Recipient, frame: OutgoingFrame): Promise<PostOutcome>;
  /** Closes the socket; `sent`: it is closing. */
  close(connection: Pick<Recipient, 'connectionId' | 'endpoint'>): Promise<PostOutcome>;
}

/** A part of a channel's log, for one device. */
export interface ReplayRange {
  channel: string;
  epoch: string;
  /** The newest seq of the channel. */
  head: number;
  /** Exclusive lower bound. */
  after: number;
  /** Inclusive upper bound. */
  through: number;
  /** What is kept of these seqs, ascending. */
  kept: KeptMessage[];
}

export interface KeptMessage {
  seq: number;
  /**
   * As the device is told it. Undefined: it caused the message, the message is collapsed, or is a
   * withdrawal.
   */
  told: WireMessage | undefined;
  /** A newer message with the same collapse key stands for it. */
  isCollapsed: boolean;
  /** It is a withdrawal: of these seqs. */
  withdraws?: number[] | undefined;
}

/**
 * Cuts a range into frames, each as full as the dialect allows; together they account for all of
 * it.
 */
export type CutReplay = (dialect: DialectName, range: ReplayRange) => Iterable<ReplayFrame<JsonText>>;

/** The frame with as many of its newest messages as the dialect lets one frame have. */
export type FitHistory = (dialect: DialectName, frame: HistoryFrame<JsonText>) => HistoryFrame<JsonText>;

/** A row of the outbox, and how often it was tried. */
export interface OutboxRow extends OutboxEntry {
  /** How often it was put off. */
  tries: number;
  /** Undefined: now. */
  firstTriedAt?: number | undefined;
}

/** That a user is online, as the application was told. */
export interface Presence {
  userId: string;
  /** Another one with each connection that opens. */
  version: string;
  /** When the last connection closed that is known to have. */
  closedAt: number | undefined;
}

export interface PresenceStore {
  find(userId: string): Promise<Presence | undefined>;
  /** A connection opened. */
  markOnline(userId: string): Promise<void>;
  /** False: another one is known to have closed later, or the user is offline already. */
  markClosed(userId: string, closedAt: number): Promise<boolean>;
  /** False: it is not as it was found any more. */
  remove(found: Presence): Promise<boolean>;
}

export interface OutboxRows {
  remove(id: string): Promise<void>;
  /** It stays, with the reason; if it was taken away meanwhile, it is put back. */
  markFailed(row: OutboxRow, reason: string): Promise<void>;
}

export interface OutboxQueue {
  /** It is handed over again after so long, up to 900 s. */
  retry(row: OutboxRow, delaySeconds: number): Promise<void>;
  sendDeadLetter(row: OutboxRow, reason: string): Promise<void>;
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
   * Adds to metrics: one value of each, or as many as were measured. A name ends in its unit, if it
   * has a unit, as in `postMs`. With a message, the same line is a line of the log, too.
   */
  metrics(values: Metrics, message?: string, fields?: LogFields): void;
}

export type Metrics = Record<string, number | readonly number[]>;

export type LogFields = Record<string, string | number | boolean | undefined | Error>;
