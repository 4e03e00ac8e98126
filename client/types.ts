/**
 * What the library offers and asks for: its options, statuses, events and messages, typed by the
 * server's registry of message types.
 */
import type { PublishedTo } from '../lambdas/protocol/frames.ts';
import type { Inbox, InboxMaker } from './inbox-types.ts';
import type { Timing } from './timing.ts';

/**
 * Only what is read of the registry that `defineMessageTypes` returns: any Standard Schema tells
 * its output type.
 */
export interface TypeEntry {
  data?: unknown;
}

interface Schema<Types> {
  readonly '~standard': { readonly types?: Types | undefined };
}

type DataOf<Entry> = Entry extends { readonly data: Schema<{ readonly output: infer Output }> }
  ? Output
  : unknown;
type InputOf<Entry> = Entry extends { readonly data: Schema<{ readonly input: infer Input }> }
  ? Input
  : unknown;

export type AnyTypes = Record<string, TypeEntry>;

/**
 * A union over the registry's types: checking `type` narrows `data`. A server that is newer than
 * the app may send a type that is not in the registry, so the union has such a message too.
 */
export type Message<Types = AnyTypes> = MessageOf<Types> | UnknownMessage<keyof Types & string>;

type MessageOf<Types> = {
  [Type in keyof Types & string]: Fields<Type, DataOf<Types[Type]>>;
}[keyof Types & string];

interface Fields<Type, Data> {
  /** Position in its channel, dense, from 1. */
  seq: number;
  /** The publisher's idempotency key. */
  id: string;
  type: Type;
  data: Data;
  sentAt: number;
}

/**
 * A text that is none of the registry's: in TypeScript's eyes an enum's member equals no literal.
 */
declare enum UnknownType {
  other = '',
}

/** None where every text is a type of the registry. */
type UnknownMessage<Known extends string> = string extends Known ? never : Fields<UnknownType.other, unknown>;

export type MessageHandler<Types = AnyTypes> = (message: Message<Types>) => unknown;

/**
 * `client`: by `close()` or the abort signal. `refused`: the server refused the handshake, and the
 * platform told us so. The others are codes of the server's `bye`.
 */
export type CloseReason =
  | 'client'
  | 'refused'
  | 'token_expired'
  | 'replaced'
  | 'too_many_connections'
  | 'revoked'
  | (string & {});

export type Status =
  | { state: 'connecting' }
  | { state: 'replaying' }
  | { state: 'live' }
  /** `failures`: attempts in a row that led nowhere. `message`: all the platform lets us know. */
  | { state: 'waiting'; retryAt: number; failures: number; message: string }
  /** Final: nothing happens any more. */
  | { state: 'closed'; reason: CloseReason; message: string };

/** A position within one numbering of a channel. */
export interface Position {
  epoch: string;
  seq: number;
}

export interface Events<Types = AnyTypes> {
  message: Message<Types>;
  status: Status;
  error: HeraldError;
  /**
   * Retention removed this many messages before they could be delivered; all through `through` is
   * settled.
   */
  expired: { count: number; through: number };
  /**
   * The server's numbering began anew: what lies between the old position and the new one is
   * unknown.
   */
  reset: { from: Position; to: Position };
  /** From now on the server lets this user hear a topic without being asked: he is a member. */
  subscribed: TopicName;
  /** No longer. `code`: as the server says it, `removed`. */
  unsubscribed: TopicName & { code: string };
}

/** `channel` is `topic:` and the topic's name. */
export interface TopicName {
  topic: string;
  channel: string;
}

/** What happens in one topic. */
export type TopicEvents<Types = AnyTypes> = Pick<Events<Types>, 'message' | 'expired' | 'reset' | 'error'>;

export type Listener<Types, Name extends keyof Events<Types>> = (event: Events<Types>[Name]) => unknown;

/**
 * - `handler`: a message was passed over after its handler had rejected every time.
 * - `token`: `options.token` failed, or what it gave is no JWT.
 * - `storage`: the position or the device id could not be read or kept.
 * - `server`: the server refused a frame, or sent one that cannot be.
 * - `closed`: the connection ended for good.
 * - `timeout`: the server has not answered a `publish()` or `send()`, and may have obeyed it.
 * - Any other is the server's own, for a topic, a `publish()` or a `send()`: `forbidden`,
 *   `too_many_subscriptions`, `too_large`, `idempotency_conflict`, `bad_frame`.
 */
export type ErrorCode = 'handler' | 'token' | 'storage' | 'server' | 'closed' | 'timeout' | (string & {});

export class HeraldError extends Error {
  override readonly name = 'HeraldError';
  readonly code: ErrorCode;
  /** The message that was passed over, when the code is `handler`. */
  readonly notification: Message | undefined;

  constructor(code: ErrorCode, message: string, cause?: unknown, notification?: Message) {
    super(message, { cause });
    this.code = code;
    this.notification = notification;
  }
}

/** What of `localStorage` is used; an asynchronous store may answer with promises. */
export interface KeyValueStorage {
  getItem(key: string): string | null | undefined | Promise<string | null | undefined>;
  setItem(key: string, value: string): unknown;
}

/** What of a WebSocket is used: the browser's, Node's and that of `ws` have it. */
export interface Socket {
  readonly readyState: number;
  onopen: ((event: never) => unknown) | null;
  onmessage: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
  onclose: ((event: never) => unknown) | null;
  send(text: string): void;
  close(): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

export type TokenSource = string | (() => string | Promise<string>);

export interface Options {
  /** A JWT, or how to get one: a function is asked anew for every connection. */
  token: TokenSource;
  /**
   * One installation: it survives reconnects and restarts. 1 to 128 of `A–Z a–z 0–9 . _ : -`.
   * @default made up and kept in `storage`
   */
  deviceId?: string | undefined;
  /**
   * Where the position is kept, and the device id should there be none.
   * @default memory: after a restart the server's cursor counts
   */
  storage?: KeyValueStorage | undefined;
  /** @default the platform's */
  WebSocket?: SocketConstructor | undefined;
  /** Closes when it aborts. */
  signal?: AbortSignal | undefined;
  /**
   * Whether the tabs and workers of one browser share a connection. Does not change the device id:
   * of two connections of one device the server keeps the later.
   * @default true, in browsers
   */
  tabs?: boolean | undefined;
  timing?: Partial<Timing> | undefined;
  /**
   * `inbox` of `herald-client/inbox`, for {@link Herald.inbox}.
   * @default none
   */
  inbox?: InboxMaker | undefined;
}

/** One user, up to 100 users, a topic, or everyone. */
export type Recipients = { user: string } | { users: string[] } | { topic: string } | { everyone: true };

/** A union over the registry's types, as a publisher gives them: before defaults are filled in. */
export type Publication<Types = AnyTypes> = {
  [Type in keyof Types & string]: { type: Type } & Given<InputOf<Types[Type]>> & Publishing;
}[keyof Types & string];

type Given<Data> = unknown extends Data ? { data?: unknown } : { data: Data };

interface Publishing {
  to: Recipients;
  /**
   * The idempotency key: who repeats a `publish()` with it does not publish twice.
   * @default made up, so that what this library repeats is not published twice
   */
  id?: string;
  /** A replay brings only the newest message of a key. */
  collapseKey?: string;
  retentionSeconds?: number;
  /** To users: the application is told when nobody has answered it so long after. */
  escalate?: { afterSeconds: number; unless?: 'acked' | 'read' };
  /**
   * Who is not told, as it has caused the message: this tab, or this device with all its tabs.
   * @default 'tab'
   */
  origin?: 'tab' | 'device';
}

export interface Published {
  id: string;
  /** One for each channel. */
  results: PublishedTo[];
}

/** A channel that is not the user's own. It is subscribed to when it is first listened to. */
export interface Topic<Types = AnyTypes> extends AsyncIterable<Message<Types>> {
  /** `topic:` and its name, or `everyone`. */
  readonly channel: string;
  /** As {@link Herald.on}. An `error` that nobody listens to here is one of the `Herald`. */
  on<Name extends keyof TopicEvents<Types>>(name: Name, listener: Listener<Types, Name>): () => void;
  /**
   * As {@link Herald.messages}, and the same as `for await (… of topic)`. Throws when the server
   * refuses the topic.
   */
  messages(): AsyncIterableIterator<Message<Types>>;
  /** How far all messages are finished with. Undefined while this tab does not hear it. */
  readonly cursor: Position | undefined;
  /**
   * Removes every handler, listener and iterator of this topic in this tab. The client unsubscribes
   * from a topic that it had subscribed to, when no tab uses it any more. The object can be used
   * again.
   */
  close(): void;
}

export interface Herald<Types = AnyTypes> {
  /**
   * Hears an event until the function returned is called. A `message` handler gets each message
   * once, in seq order; the next one comes when the promise it returns has resolved. Messages wait
   * until there is a handler or an iterator.
   */
  on<Name extends keyof Events<Types>>(name: Name, listener: Listener<Types, Name>): () => void;
  /**
   * The messages from the first `next()` on. One is finished when the next is asked for or the loop
   * is left. Ends with `close()`; throws when the connection ends for good otherwise.
   */
  messages(): AsyncIterableIterator<Message<Types>>;
  /**
   * What is published to a topic. All calls with one name return the same object. Throws a
   * TypeError if the name cannot be a topic's.
   */
  topic(name: string): Topic<Types>;
  /** What is published to everyone. */
  readonly everyone: Topic<Types>;
  /**
   * Resolves when the server has the message. Waits for a connection, and repeats what was not
   * answered, until a deadline. Rejects with a {@link HeraldError}.
   */
  publish(publication: Publication<Types>): Promise<Published>;
  /**
   * Sends a message to the application, not to other clients. Resolves when the server has put it
   * on the application's bus, at least once. Otherwise as {@link Herald.publish}.
   */
  send(destination: string, data?: unknown): Promise<void>;
  /**
   * The user's messages as a list, with what is read. Throws an Error without the option `inbox`.
   */
  readonly inbox: Inbox<Types>;
  readonly status: Status;
  /** This installation. Undefined until it has been read from the storage. */
  readonly deviceId: string | undefined;
  /** This tab, to be named as the origin of a message: `<deviceId>/<tab>`. */
  readonly origin: string | undefined;
  /** How far all messages are finished with. Undefined before the first connection. */
  readonly cursor: Position | undefined;
  /**
   * Resolves when all that was finished is acknowledged and the connection closed. A handler under
   * way is given a second.
   */
  close(): Promise<void>;
}
