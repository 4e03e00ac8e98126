/** Multiplies what happens in a month by what each costs. */
import {
  ACCESS_LOG_BYTES,
  BILLED_MS,
  type BilledLambda,
  gigabyteSeconds,
  LOG_SAMPLING,
  METRICS_LOG_BYTES,
  OWN_LOG_BYTES,
  PRICES,
  type PriceName,
  RUN_LOG_BYTES,
  TRACED_LOG_BYTES,
  TRANSFER_OVERHEAD_BYTES,
} from './prices.ts';
import {
  catchUpReadUnits,
  extraPublishWriteUnits,
  extraReplayFrames,
  FRAME_OVERHEAD_BYTES,
  rowBytes,
  UNITS,
} from './units.ts';

/** How the users live. */
export interface Usage {
  users: number;
  devicesPerUser: number;
  /** A day that each device is connected. */
  hours: number;
  /** A day and device. */
  connects: number;
  /** A day and user. */
  notifications: number;
  /** Of a notification's data. */
  bytes: number;
  ack: 'auto' | 'client';
  /** Between a client's pings; 0: none. */
  pingMinutes: number;
  door: 'http' | 'bus' | 'invoke';
}

export const DAYS = 30;

/** How long messages are kept by default. */
const RETENTION_DAYS = 7;

const GB = 1024 ** 3;

/** How often each thing happens in a month. */
export type Happenings = Record<keyof typeof UNITS, number>;

export function happenings(usage: Usage): Happenings {
  const devices = usage.users * usage.devicesPerUser;
  const published = usage.users * usage.notifications * DAYS;
  const connects = devices * usage.connects * DAYS;
  const live = published * usage.devicesPerUser * onlineShare(usage);
  const caughtUp = missedPerConnect(usage) > 0 ? connects : 0;
  const acks = usage.ack === 'client' ? ackFrames(usage, connects) : 0;
  const pings = usage.pingMinutes > 0 ? (devices * DAYS * usage.hours * 60) / usage.pingMinutes : 0;
  return {
    connect: connects,
    // As the client library does, which is of that mode.
    syncOnOpen: usage.ack === 'client' ? connects : 0,
    catchUp: caughtUp,
    publish: published,
    deliver: usage.ack === 'auto' ? live : 0,
    deliverUnsettled: usage.ack === 'client' ? live : 0,
    ack: acks,
    ping: pings,
    disconnect: connects,
  };
}

/**
 * Acks leave with a ping, which costs no frame more. A connection that ends with acks which wait for
 * one costs one frame: as its page is hidden, or as the next connection begins.
 */
const ackFrames = (usage: Usage, connects: number): number => connects * Math.min(1, waitingAcks(usage));

/** Pings that carry acks: the database has the work of an ack. */
function pingsWithAcks(usage: Usage): number {
  if (usage.ack !== 'client') return 0;
  const { ping, catchUp } = happenings(usage);
  return Math.min(ping, ping * Math.min(1, waitingAcks(usage)) + catchUp);
}

/** Messages that come between two pings: as likely as that, some wait when a connection ends. */
function waitingAcks({ notifications, pingMinutes }: Usage): number {
  const minutes = pingMinutes > 0 ? pingMinutes : Number.POSITIVE_INFINITY;
  return notifications > 0 ? (notifications / (24 * 60)) * minutes : 0;
}

/** What a client sends that acknowledges each message by itself, as ours did before. */
export function acksOneByOne(usage: Usage): number {
  const { catchUp, publish } = happenings(usage);
  return usage.ack === 'client' ? publish * usage.devicesPerUser * onlineShare(usage) + catchUp : 0;
}

/** Notifications come evenly over the day, and a device hears at once those that come while it is connected. */
const onlineShare = ({ hours }: Usage): number => hours / 24;

export const missedPerConnect = (usage: Usage): number =>
  usage.connects === 0 ? 0 : (usage.notifications * (1 - onlineShare(usage))) / usage.connects;

export type Quantities = Record<PriceName, number>;

/** What a month's happenings come to, in the units of the prices. */
export function quantities(usage: Usage): Quantities {
  const times = happenings(usage);
  const total = (of: (name: keyof Happenings) => number): number =>
    (Object.keys(times) as (keyof Happenings)[]).reduce((sum, name) => sum + times[name] * of(name), 0);
  const runs = (lambda: BilledLambda): number =>
    total((name) => (UNITS[name].invocations as Partial<Record<BilledLambda, number>>)[lambda] ?? 0);
  const lambdas = Object.keys(BILLED_MS) as BilledLambda[];
  const allRuns = lambdas.reduce((sum, name) => sum + runs(name), 0);
  const missed = missedPerConnect(usage);
  const riding = pingsWithAcks(usage);
  const frames = total((name) => UNITS[name].frames) + times.catchUp * extraReplayFrames(missed, usage.bytes);

  return {
    webSocketMessages: frames,
    connectionMinutes: usage.users * usage.devicesPerUser * usage.hours * 60 * DAYS,
    httpRequests: usage.door === 'http' ? times.publish : 0,
    lambdaRequests: allRuns,
    lambdaSeconds: lambdas.reduce((sum, name) => sum + runs(name) * gigabyteSeconds(name), 0),
    writeUnits:
      total((name) => UNITS[name].writeUnits) +
      times.publish * extraPublishWriteUnits(usage.bytes) +
      riding * UNITS.ack.writeUnits,
    readUnits:
      total((name) => UNITS[name].readUnits) +
      times.catchUp * catchUpReadUnits(missed, usage.bytes) +
      riding * UNITS.ack.readUnits,
    storage: ((times.publish / DAYS) * RETENTION_DAYS * rowBytes(usage.bytes)) / GB,
    // No channel that everybody hears is on this bill, and retries are rare.
    queueRequests: 0,
    events: usage.door === 'bus' ? times.publish : 0,
    logs: logBytes(usage, LOG_SAMPLING) / GB,
    transfer: (frames * TRANSFER_OVERHEAD_BYTES + deliveredBytes(usage, times)) / GB,
  };
}

/** What the logs take in, in GB, by other settings than the defaults. */
export const logsOtherwise = (usage: Usage) => ({
  'logLevel=debug -c logSampling=100':
    (quantities(usage).lambdaRequests * RUN_LOG_BYTES + logBytes(usage, 100)) / GB,
  'logLevel=warn': (accessed(usage) * ACCESS_LOG_BYTES + happenings(usage).publish * METRICS_LOG_BYTES) / GB,
});

/** Requests and frames that have a line in the access log. */
function accessed(usage: Usage): number {
  const { connect, publish, ack, ping, disconnect } = happenings(usage);
  return connect + ack + ping + disconnect + (usage.door === 'http' ? publish : 0);
}

/** Without Lambda's own lines. `sampling`: of how many messages in a hundred the log tells the way. */
const logBytes = (usage: Usage, sampling: number): number =>
  accessed(usage) * ACCESS_LOG_BYTES + ownLogBytes(usage, sampling);

function ownLogBytes(usage: Usage, sampling: number): number {
  const { connect, publish, deliver, deliverUnsettled, ack } = happenings(usage);
  const always = connect * OWN_LOG_BYTES.connect + publish * METRICS_LOG_BYTES + ack * OWN_LOG_BYTES.ack;
  const traced =
    publish * TRACED_LOG_BYTES.publish + (deliver + deliverUnsettled) * TRACED_LOG_BYTES.delivery;
  return always + traced * (sampling / 100);
}

const deliveredBytes = (usage: Usage, times: Happenings): number =>
  (times.deliver + times.deliverUnsettled + times.catchUp * missedPerConnect(usage)) *
  (usage.bytes + FRAME_OVERHEAD_BYTES);

export interface Line {
  name: PriceName;
  quantity: number;
  usd: number;
}

/** A month's bill, what is not used left out. */
export const bill = (usage: Usage): Line[] =>
  (Object.entries(quantities(usage)) as [PriceName, number][])
    .filter(([, quantity]) => quantity > 0)
    .map(([name, quantity]) => ({
      name,
      quantity,
      usd: (quantity / PRICES[name].per) * PRICES[name].usd,
    }));
