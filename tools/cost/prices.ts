/** List prices, and what is assumed where AWS bills by what cannot be counted here. */
import { LAMBDAS, type LambdaName } from '../../lambdas/manifest.ts';

/** When the prices were looked up. */
export const PRICES_AS_OF = '2026-11';
export const PRICES_REGION = 'us-east-1';

export interface Price {
  service: string;
  item: string;
  usd: number;
  /** What that buys. */
  per: number;
  unit: string;
  /** Found published by others than AWS; what is not may have changed. AWS's own tables could not be read by a program. */
  confirmed: boolean;
}

const MILLION = 1_000_000;

export const PRICES = {
  webSocketMessages: confirmed('API Gateway', 'WebSocket messages, 32 KB each', 1, MILLION, 'messages'),
  connectionMinutes: confirmed('API Gateway', 'connection minutes', 0.25, MILLION, 'minutes'),
  httpRequests: confirmed('API Gateway', 'HTTPS requests', 1, MILLION, 'requests'),
  lambdaRequests: unconfirmed('Lambda', 'requests', 0.2, MILLION, 'requests'),
  lambdaSeconds: unconfirmed('Lambda', 'arm64 duration', 0.0000133334, 1, 'GB-seconds'),
  writeUnits: confirmed('DynamoDB', 'write units, on demand', 0.625, MILLION, 'units'),
  readUnits: confirmed('DynamoDB', 'read units, on demand', 0.125, MILLION, 'units'),
  storage: unconfirmed('DynamoDB', 'storage with point-in-time recovery', 0.45, 1, 'GB-months'),
  queueRequests: unconfirmed('SQS', 'requests', 0.4, MILLION, 'requests'),
  events: confirmed('EventBridge', 'custom events, 64 KB each', 1, MILLION, 'events'),
  logs: unconfirmed('CloudWatch', 'logs taken in', 0.5, 1, 'GB'),
  transfer: unconfirmed('Data transfer', 'out to the internet', 0.09, 1, 'GB'),
} satisfies Record<string, Price>;

export type PriceName = keyof typeof PRICES;

function confirmed(service: string, item: string, usd: number, per: number, unit: string): Price {
  return { service, item, usd, per, unit, confirmed: true };
}

function unconfirmed(service: string, item: string, usd: number, per: number, unit: string): Price {
  return { service, item, usd, per, unit, confirmed: false };
}

/** Milliseconds billed for a warm run, its share of cold starts included. Guesses until you measure. */
export const BILLED_MS = {
  authorizer: 10,
  connect: 25,
  disconnect: 10,
  message: 20,
  notify: 40,
  reconcile: 60,
} as const satisfies Partial<Record<LambdaName, number>>;

/** The Lambdas whose runs are on the bill. */
export type BilledLambda = keyof typeof BILLED_MS;

/** Of a warm run, with the memory as deployed. */
export const gigabyteSeconds = (name: BilledLambda): number =>
  (LAMBDAS[name].memoryMegabytes / 1024) * (BILLED_MS[name] / 1000);

/** Lambda's own lines of a run: when it starts and ends, and its report. A guess; only with `logLevel` `debug`. */
export const RUN_LOG_BYTES = 330;

/** The line of the access log of a request or a frame, such as of a frame of a client. */
export const ACCESS_LOG_BYTES = 270;

/** What our Lambdas log, with ids of usual length: counted on the local stack by `--json-logs`. */
export const OWN_LOG_BYTES = { connect: 950, ack: 195 };

/** The metrics of a publish, which are written whatever the level. */
export const METRICS_LOG_BYTES = 470;

/** The same of the messages whose way the log tells. */
export const TRACED_LOG_BYTES = { publish: 255, delivery: 255 };

/** Of how many messages in a hundred that is: the default of `logSampling`. */
export const LOG_SAMPLING = 10;

/** TCP, TLS and WebSocket around a frame, besides the frame. A guess. */
export const TRANSFER_OVERHEAD_BYTES = 100;

export const NOT_INCLUDED =
  'alarms (0.10 each), a dashboard (3.00), custom metrics (0.30 each), the secret (0.40), taxes; the free tier is not deducted';
