/** What the manifest may say of a Lambda: how it runs, what starts it, what it may touch. */
import type { TableNames } from './adapters/dynamodb/tables.ts';

export interface LambdaSpec {
  /** What it does, as the console of AWS shows it after `Herald: `. */
  readonly description: string;
  /** Behind an API at most the 29 s that API Gateway waits. */
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  /** It publishes, so the operator's message types are put beside its bundle. @default false */
  readonly messageTypes?: boolean;
  /**
   * It serves clients of STOMP: the module for them is put beside its bundle, and where the setting
   * is on it may read their tokens. @default false
   */
  readonly readsTokens?: boolean;
  /**
   * It posts what is published: the module that does so to clients of STOMP is put beside its
   * bundle. @default false
   */
  readonly pumps?: boolean;

  /** Routes of the WebSocket API that it serves. */
  readonly webSocketRoutes?: readonly WebSocketRoute[];
  /**
   * Routes of the HTTP API that it serves, each with the grant of the construct that opens it to a
   * caller.
   */
  readonly httpRoutes?: Readonly<Record<HttpRoute, Grant>>;
  /**
   * Events of these detail types on the bus are handed to it, asynchronously. The construct wires
   * this for `notify` only (`lib/event-bus.ts`).
   */
  readonly busEvents?: readonly string[];
  /** Table streams that are read for it. */
  readonly streams?: readonly StreamSource[];
  /** Queues that are read for it. */
  readonly queues?: readonly QueueSource[];

  /** What it may do to the rows of each table. */
  readonly tables?: TableActions;
  /** The same, only where clients of STOMP are served. */
  readonly tablesForStomp?: TableActions;
  /** What it may do to open connections: send a frame, close. */
  readonly connections?: readonly ConnectionAction[];
  /** Queues it may put messages into. */
  readonly sendsTo?: readonly QueueName[];
  /** Queues of dead letters that it writes itself, with the reason. */
  readonly deadLettersTo?: readonly QueueDeadLetters[];
  /** It may put events on the application's bus. */
  readonly putsEvents?: boolean;
}

/** `$default` takes every frame whose `action` is no route of its own. */
export type WebSocketRoute = '$connect' | '$disconnect' | '$default' | 'publish';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';
/** As API Gateway writes a route key: `GET /users/{userId}/messages`. */
export type HttpRoute = `${HttpMethod} /${string}`;

/** `grantPublish`, `grantOperate` or `grantManageTopics` of the construct. */
export type Grant = 'publish' | 'operate' | 'manageTopics';

export type TableActions = Readonly<Partial<Record<keyof TableNames, readonly TableAction[]>>>;

/** A check within a transaction is an action of its own. */
export type TableAction =
  | 'GetItem'
  | 'BatchGetItem'
  | 'PutItem'
  | 'UpdateItem'
  | 'DeleteItem'
  | 'ConditionCheckItem'
  | 'Query';
export type ConnectionAction = 'POST' | 'DELETE';

/**
 * One consumer of a table's stream; DynamoDB serves two per stream. A batch that failed as a whole
 * is halved.
 */
export interface StreamSource {
  readonly table: keyof TableNames;
  /** Filter patterns of Lambda, five at most. Only records that match one are handed over. */
  readonly filters: readonly FilterPattern[];
  readonly batchSize: number;
  /** Batches of one shard that run at once; the records of one item stay in order. */
  readonly parallelizationFactor: number;
  /** Of one batch. A record that fails them all, or grows too old, becomes a dead letter. */
  readonly maxRetries: number;
  readonly maxRecordAgeSeconds: number;
  readonly deadLetters: StreamDeadLetters;
  /** It is read only where the setting `events` is on. @default always */
  readonly forEvents?: boolean;
}

/**
 * The queues of what streams could not hand over, as the construct, the alarms and the outputs call
 * them.
 */
export type StreamDeadLetters = 'FailedReplays' | 'FailedTopicReplays' | 'UnreadOutboxRows' | 'FailedEvents';

/** Our queues of work for later. */
export type QueueName = 'reconcile' | 'fan-out' | 'outbox' | 'later';

/** The only consumer of a queue. Of a batch, only the messages that failed come again. */
export interface QueueSource {
  readonly queue: QueueName;
  readonly batchSize: number;
  /** A message that failed so often becomes a dead letter. */
  readonly maxReceives: number;
  /** Batches that run at once, at most. Undefined: as many as Lambda likes. */
  readonly maxConcurrency?: number;
  readonly deadLetters: QueueDeadLetters;
}

/** The queues of what failed every try, as the construct, the alarms and the outputs call them. */
export type QueueDeadLetters = 'FailedRetries' | 'FailedFanOuts' | 'FailedOutboxRows' | 'FailedLookUps';

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html */
export interface FilterPattern {
  readonly [key: string]: FilterPattern | readonly Matcher[];
}

export type Matcher =
  | Scalar
  | null
  | { readonly exists: boolean }
  | { readonly prefix: string }
  | { readonly numeric: readonly (string | number)[] }
  | { readonly 'anything-but': Scalar | readonly Scalar[] | { readonly prefix: string } };

export type Scalar = string | number | boolean;
