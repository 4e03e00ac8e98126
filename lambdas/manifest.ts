/**
 * Each Lambda, described once: how it runs, what starts it, what it may touch. The construct, the
 * local stack, the simulation, the cost sheet and the tests read it. A new Lambda is a handler, its
 * entry and its lines here. What the lines may say: `lambda-spec.ts`.
 */
import { FAN_OUT_WORKERS } from './domain/settings.ts';
import type {
  FilterPattern,
  HttpRoute,
  LambdaSpec,
  QueueDeadLetters,
  QueueName,
  WebSocketRoute,
} from './lambda-spec.ts';

/**
 * A row that asks for a reconcile. Whether the row before asked for the same, only the handler can
 * see.
 */
const ASKS_FOR_RECONCILE = {
  eventName: ['INSERT', 'MODIFY'],
  dynamodb: { NewImage: { replayRequestId: { S: [{ exists: true }] } } },
} as const satisfies FilterPattern;

/** A row that was put or changed. Whether it is marked as failed, the handler sees. */
const PUT_BY_A_SERVICE = {
  eventName: ['INSERT', 'MODIFY'],
  dynamodb: { NewImage: { id: { S: [{ exists: true }] } } },
} as const satisfies FilterPattern;

/**
 * A connection's row: that of a STOMP socket, which each lease of its pump changes, has no
 * `connectedAt`. Which became ready, or are gone, the handler sees.
 */
const CHANGED_OR_GONE = {
  eventName: ['MODIFY', 'REMOVE'],
  dynamodb: { OldImage: { connectedAt: { N: [{ exists: true }] } } },
} as const satisfies FilterPattern;

/** A STOMP client's connection is ready as its row is written; those of other clients never are. */
const WRITTEN_AS_READY = {
  eventName: ['INSERT'],
  dynamodb: { NewImage: { readyAt: { N: [{ exists: true }] } } },
} as const satisfies FilterPattern;

/** What publishing takes: to append, to look up who hears the channel, and to see to each. */
const PUBLISHES = {
  connections: ['Query', 'GetItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'],
  subscriptions: ['Query', 'GetItem', 'UpdateItem', 'DeleteItem'],
  devices: ['GetItem', 'PutItem', 'UpdateItem'],
  cursors: ['GetItem', 'PutItem', 'UpdateItem'],
  messages: ['GetItem', 'PutItem'],
  publishes: ['GetItem', 'PutItem'],
} as const satisfies LambdaSpec['tables'];

const SPECS = {
  authorizer: {
    description: 'reads the token of a client that connects',
    timeoutSeconds: 10,
    memoryMegabytes: 512,
  },
  connect: {
    description: 'writes the row of a connection that opens',
    timeoutSeconds: 10,
    memoryMegabytes: 512,
    webSocketRoutes: ['$connect'],
    tables: {
      connections: ['PutItem', 'Query', 'UpdateItem', 'DeleteItem'],
      subscriptions: ['PutItem', 'DeleteItem'],
    },
  },
  disconnect: {
    description: 'forgets a connection that closed',
    timeoutSeconds: 10,
    memoryMegabytes: 512,
    webSocketRoutes: ['$disconnect'],
    tables: { connections: ['DeleteItem'], subscriptions: ['DeleteItem'] },
  },
  message: {
    description: 'answers the frames of a client: ack, sync, ping, history, read and the like',
    timeoutSeconds: 29,
    memoryMegabytes: 512,
    readsTokens: true,
    webSocketRoutes: ['$default'],
    tables: {
      connections: ['Query', 'GetItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'],
      subscriptions: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'],
      members: ['GetItem', 'Query', 'ConditionCheckItem'],
      devices: ['GetItem', 'BatchGetItem', 'PutItem', 'Query', 'UpdateItem'],
      cursors: ['GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem'],
      messages: ['GetItem', 'BatchGetItem', 'PutItem', 'Query', 'ConditionCheckItem'],
    },
    // The row of a connection is written when its `CONNECT` comes.
    tablesForStomp: { connections: ['PutItem'] },
    connections: ['POST', 'DELETE'],
    sendsTo: ['reconcile'],
    putsEvents: true,
  },
  notify: {
    description: 'stores a notification and delivers it',
    timeoutSeconds: 29,
    memoryMegabytes: 1024,
    pumps: true,
    messageTypes: true,
    webSocketRoutes: ['publish'],
    httpRoutes: { 'POST /notifications': 'publish' },
    busEvents: ['Notification'],
    tables: PUBLISHES,
    connections: ['POST', 'DELETE'],
    sendsTo: ['reconcile', 'fan-out', 'later'],
  },
  lifecycle: {
    description: 'tells the application who comes and goes, by events',
    timeoutSeconds: 30,
    memoryMegabytes: 512,
    streams: [
      {
        table: 'connections',
        filters: [CHANGED_OR_GONE, WRITTEN_AS_READY],
        batchSize: 100,
        // So a user's records come one after the other, and nobody comes online twice.
        parallelizationFactor: 1,
        maxRetries: 10,
        maxRecordAgeSeconds: 6 * 3600,
        deadLetters: 'FailedEvents',
        forEvents: true,
      },
    ],
    tables: { presence: ['GetItem', 'UpdateItem'] },
    sendsTo: ['later'],
    putsEvents: true,
  },
  later: {
    description: 'looks up when it is due whether a message is unanswered, and whether a user is away',
    timeoutSeconds: 30,
    memoryMegabytes: 512,
    queues: [{ queue: 'later', batchSize: 10, maxReceives: 5, deadLetters: 'FailedLookUps' }],
    tables: {
      connections: ['Query'],
      devices: ['GetItem', 'Query'],
      messages: ['GetItem', 'Query', 'UpdateItem'],
      presence: ['GetItem', 'DeleteItem'],
    },
    sendsTo: ['later'],
    putsEvents: true,
  },
  outbox: {
    description: 'publishes what services put into the outbox by their own transactions',
    timeoutSeconds: 60,
    memoryMegabytes: 1024,
    pumps: true,
    messageTypes: true,
    streams: [
      {
        table: 'outbox',
        filters: [PUT_BY_A_SERVICE],
        batchSize: 10,
        parallelizationFactor: 10,
        maxRetries: 10,
        // An id is known for a day: no record is handed over when its message might be forgotten.
        maxRecordAgeSeconds: 23 * 3600,
        deadLetters: 'UnreadOutboxRows',
      },
    ],
    queues: [{ queue: 'outbox', batchSize: 10, maxReceives: 5, deadLetters: 'FailedOutboxRows' }],
    tables: {
      ...PUBLISHES,
      outbox: ['UpdateItem', 'DeleteItem'],
    },
    connections: ['POST'],
    sendsTo: ['reconcile', 'fan-out', 'outbox', 'later'],
    deadLettersTo: ['FailedOutboxRows'],
  },
  'fan-out': {
    description: 'delivers a message to a part of those who hear a large channel',
    timeoutSeconds: 120,
    memoryMegabytes: 1024,
    pumps: true,
    queues: [
      // So many workers share the rate of all fan-outs.
      {
        queue: 'fan-out',
        batchSize: 1,
        maxReceives: 5,
        maxConcurrency: FAN_OUT_WORKERS,
        deadLetters: 'FailedFanOuts',
      },
    ],
    tables: {
      connections: ['UpdateItem', 'DeleteItem', 'ConditionCheckItem'],
      subscriptions: ['Query', 'GetItem', 'UpdateItem', 'DeleteItem'],
      cursors: ['GetItem', 'PutItem', 'UpdateItem'],
      messages: ['GetItem', 'Query'],
    },
    connections: ['POST'],
    sendsTo: ['reconcile', 'fan-out'],
  },
  reconcile: {
    description: 'sends devices what they missed, and closes connections',
    timeoutSeconds: 120,
    memoryMegabytes: 1024,
    streams: [
      {
        table: 'connections',
        filters: [ASKS_FOR_RECONCILE],
        batchSize: 20,
        parallelizationFactor: 10,
        maxRetries: 3,
        maxRecordAgeSeconds: 600,
        deadLetters: 'FailedReplays',
      },
      {
        table: 'subscriptions',
        filters: [ASKS_FOR_RECONCILE],
        batchSize: 20,
        parallelizationFactor: 10,
        maxRetries: 3,
        maxRecordAgeSeconds: 600,
        deadLetters: 'FailedTopicReplays',
      },
    ],
    queues: [{ queue: 'reconcile', batchSize: 10, maxReceives: 5, deadLetters: 'FailedRetries' }],
    tables: {
      connections: ['GetItem', 'Query', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'],
      subscriptions: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'],
      members: ['Query', 'ConditionCheckItem'],
      devices: ['GetItem', 'BatchGetItem', 'PutItem', 'Query', 'UpdateItem'],
      cursors: ['GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem'],
      messages: ['GetItem', 'BatchGetItem', 'PutItem', 'Query'],
    },
    connections: ['POST', 'DELETE'],
    sendsTo: ['reconcile'],
  },
  users: {
    description: 'answers what operators ask about a user, and erases one',
    timeoutSeconds: 29,
    memoryMegabytes: 512,
    httpRoutes: {
      'GET /users/{userId}/messages': 'operate',
      'GET /users/{userId}/connections': 'operate',
      'DELETE /users/{userId}/connections': 'operate',
      'DELETE /users/{userId}/messages/{seq}': 'operate',
      'DELETE /users/{userId}/messages': 'operate',
      'GET /users/{userId}/inbox': 'operate',
      'PUT /users/{userId}/read': 'operate',
      'DELETE /users/{userId}': 'operate',
    },
    tables: {
      connections: ['Query', 'GetItem', 'UpdateItem', 'DeleteItem'],
      subscriptions: ['DeleteItem'],
      members: ['Query', 'DeleteItem'],
      devices: ['GetItem', 'PutItem', 'Query', 'UpdateItem', 'DeleteItem'],
      cursors: ['Query', 'DeleteItem'],
      messages: ['GetItem', 'PutItem', 'Query', 'DeleteItem', 'ConditionCheckItem'],
      publishes: ['GetItem', 'Query', 'DeleteItem'],
    },
    connections: ['POST', 'DELETE'],
    sendsTo: ['reconcile'],
  },
  topics: {
    description: 'keeps the members of topics, and answers what is asked about topics',
    timeoutSeconds: 29,
    memoryMegabytes: 512,
    httpRoutes: {
      'PUT /topics/{topic}/members/{userId}': 'manageTopics',
      'DELETE /topics/{topic}/members/{userId}': 'manageTopics',
      'POST /topics/{topic}/members': 'manageTopics',
      'GET /topics/{topic}/members': 'manageTopics',
      'GET /users/{userId}/topics': 'manageTopics',
      'GET /topics/{topic}/messages': 'operate',
      'GET /everyone/messages': 'operate',
      'GET /topics/{topic}/connections': 'operate',
    },
    tables: {
      connections: ['Query', 'GetItem', 'UpdateItem'],
      subscriptions: ['GetItem', 'PutItem', 'Query', 'DeleteItem'],
      members: ['GetItem', 'PutItem', 'DeleteItem', 'Query', 'ConditionCheckItem'],
      messages: ['GetItem', 'PutItem', 'Query'],
    },
    connections: ['POST'],
  },
} as const satisfies Record<string, LambdaSpec>;

/** Also the name of its file in `handlers/` and in `entry/`. */
export type LambdaName = keyof typeof SPECS;

export const LAMBDAS: { readonly [Name in LambdaName]: LambdaSpec & (typeof SPECS)[Name] } = SPECS;
export const LAMBDA_NAMES = Object.keys(SPECS) as LambdaName[];
export const isLambdaName = (name: string): name is LambdaName => Object.hasOwn(SPECS, name);

export const QUEUE_NAMES: readonly QueueName[] = LAMBDA_NAMES.flatMap((name) =>
  (LAMBDAS[name].queues ?? []).map(({ queue }) => queue),
);

/** The queues of dead letters that our Lambdas write themselves. */
export const WRITTEN_DEAD_LETTERS: readonly QueueDeadLetters[] = LAMBDA_NAMES.flatMap((name) => {
  const { deadLettersTo = [] }: LambdaSpec = LAMBDAS[name];
  return deadLettersTo;
});

/** A route of either API. */
export type RouteKey = WebSocketRoute | HttpRoute;
export const ROUTE_KEYS: readonly RouteKey[] = LAMBDA_NAMES.flatMap((name) => {
  const { webSocketRoutes = [], httpRoutes = {} }: LambdaSpec = LAMBDAS[name];
  return [...webSocketRoutes, ...(Object.keys(httpRoutes) as HttpRoute[])];
});
export const isRouteKey = (key: string): key is RouteKey => ROUTE_KEYS.some((route) => route === key);

/** The HTTP routes of one Lambda, so that its handler does not compile while it leaves one out. */
export type HttpRouteOf<Name extends LambdaName> = (typeof SPECS)[Name] extends { httpRoutes: infer Routes }
  ? keyof Routes
  : never;
