/** What a new account's quotas allow, and which of them is met first. */
import { BILLED_MS } from './prices.ts';
import { UNITS } from './units.ts';

interface Quota {
  /** As Service Quotas, or our stack, calls it. */
  name: string;
  perSecond: number;
  raise: string;
}

const SERVICE_QUOTAS = 'Service Quotas';

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html */
const NEW_CONNECTIONS: Quota = {
  name: 'API Gateway: new connections',
  perSecond: 500,
  raise: SERVICE_QUOTAS,
};

/** Of all APIs of an account and Region, posts to connections among them. Some Regions have a quarter of it. */
const API_REQUESTS: Quota = {
  name: 'API Gateway: requests of all APIs',
  perSecond: 10_000,
  raise: SERVICE_QUOTAS,
};

/** Each of our two APIs, unless deployed with another number. */
const STAGE_THROTTLE: Quota = {
  name: 'Our own throttle of each API',
  perSecond: 1000,
  raise: 'npx cdk deploy -c throttleRate=…',
};

/** https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; new accounts may have less. */
const LAMBDA_CONCURRENCY = 1000;

/** Of a new table on demand; twice the previous peak later. */
const NEW_TABLE_WRITES = 4000;

export interface Rate {
  name: string;
  perSecond: number;
  raise: string;
}

const slowestFirst = (rates: Rate[]): Rate[] =>
  rates.toSorted((one, other) => one.perSecond - other.perSecond);

const concurrency = (name: string, milliseconds: number): Rate => ({
  name: `Lambda: concurrent runs, ${name}`,
  perSecond: (LAMBDA_CONCURRENCY * 1000) / milliseconds,
  raise: SERVICE_QUOTAS,
});

const shared = (quota: Quota, uses: number): Rate => ({ ...quota, perSecond: quota.perSecond / uses });

/** A handshake, and a post for each frame after it; the Connections table takes the row and marks it ready. */
const CONNECT_REQUESTS = 1 + UNITS.connect.frames;
const CONNECTIONS_TABLE_WRITES = 2;

/** Connections per second that each quota lets through, the lowest first. */
export const connectRates = (): Rate[] =>
  slowestFirst([
    NEW_CONNECTIONS,
    STAGE_THROTTLE,
    shared(API_REQUESTS, CONNECT_REQUESTS),
    concurrency('a connect', BILLED_MS.authorizer + BILLED_MS.connect + BILLED_MS.reconcile),
    {
      name: 'DynamoDB: writes to a new table',
      perSecond: NEW_TABLE_WRITES / CONNECTIONS_TABLE_WRITES,
      raise: 'warm throughput of the Connections table',
    },
  ]);

/** The head, the message and the idempotency row; two thirds of it go to the Messages table. */
const MESSAGES_TABLE_WRITES = (UNITS.publish.writeUnits * 2) / 3;

/** Notifications per second, to different users; each is posted to `posts` connections. */
export const publishRates = (door: 'http' | 'bus' | 'invoke', posts: number): Rate[] =>
  slowestFirst([
    ...(door === 'http' ? [STAGE_THROTTLE] : []),
    shared(API_REQUESTS, Math.max(posts + (door === 'http' ? 1 : 0), Number.MIN_VALUE)),
    concurrency('a publish', BILLED_MS.notify),
    {
      name: 'DynamoDB: writes to a new table',
      perSecond: NEW_TABLE_WRITES / MESSAGES_TABLE_WRITES,
      raise: 'warm throughput of the Messages table',
    },
  ]);

export const POSTS_PER_SECOND = API_REQUESTS.perSecond;
