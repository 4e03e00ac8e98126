/** How an account's quotas carry a message to everybody, and where a channel that everybody hears is hot. */
import { rangesFor } from '../../lambdas/domain/publish/ranges.ts';
import { LAMBDAS } from '../../lambdas/manifest.ts';
import { PRICES, type PriceName } from '../cost/prices.ts';
import { subscriberReadUnits, UNITS } from '../cost/units.ts';

const [{ maxConcurrency: WORKERS }] = LAMBDAS['fan-out'].queues;

export interface FanOut {
  connections: number;
  /** Served before the publish is answered. */
  page: number;
  /** Posts a second of all fan-outs together, as set. */
  fanOutRate: number;
  /** What the account's quota of requests has left. */
  requestsPerSecond: number;
}

export interface BroadcastEstimate {
  ranges: number;
  /** Until the last post; Infinity: never. */
  seconds: number;
  binds: 'fanOutRate' | 'requestsPerSecond';
  /** Of the partition that holds the channel's subscriptions. */
  readUnitsPerSecond: number;
  /** By counted units and list prices, without the lines of the log. */
  dollars: number;
}

export function broadcast({ connections, page, fanOutRate, requestsPerSecond }: FanOut): BroadcastEstimate {
  const queued = Math.max(0, connections - page);
  const ranges = queued === 0 ? 0 : rangesFor(queued);
  const postsPerSecond = ratePossible({ ranges, fanOutRate, requestsPerSecond });
  const seconds = queued === 0 ? 0 : queued / postsPerSecond;
  const readUnits = subscriberReadUnits(connections);
  return {
    ranges,
    seconds,
    binds: fanOutRate <= requestsPerSecond ? 'fanOutRate' : 'requestsPerSecond',
    readUnitsPerSecond: seconds === 0 ? 0 : subscriberReadUnits(queued) / seconds,
    dollars: priceOf({ connections, ranges, readUnits, workerSeconds: queued / (fanOutRate / WORKERS) }),
  };
}

/** Each worker has its share of the rate, also where there are fewer ranges than workers. */
const ratePossible = ({
  ranges,
  fanOutRate,
  requestsPerSecond,
}: Pick<FanOut, 'fanOutRate' | 'requestsPerSecond'> & { ranges: number }): number =>
  Math.min(requestsPerSecond, (fanOutRate / WORKERS) * Math.min(WORKERS, Math.max(1, ranges)));

interface Quantities {
  connections: number;
  ranges: number;
  readUnits: number;
  workerSeconds: number;
}

/** Of SQS, the requests that send ten messages, receive one and delete one. */
function priceOf({ connections, ranges, readUnits, workerSeconds }: Quantities): number {
  const paid = (name: PriceName, quantity: number) => (quantity / PRICES[name].per) * PRICES[name].usd;
  return (
    paid('webSocketMessages', connections) +
    paid('writeUnits', UNITS.publish.writeUnits) +
    // Each range reads the channel's head and the message.
    paid('readUnits', UNITS.publish.readUnits + readUnits + 2 * ranges) +
    paid('queueRequests', Math.ceil(ranges / 10) + 2 * ranges) +
    paid('lambdaRequests', 1 + ranges) +
    paid('lambdaSeconds', workerSeconds * (LAMBDAS['fan-out'].memoryMegabytes / 1024))
  );
}

/**
 * What one partition serves in a second.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
 */
export const PARTITION = { writeUnits: 1000, readUnits: 3000 };

export interface Heat {
  /** To the rows of `everyone` in the Subscriptions table. */
  subscriptionWrites: number;
  /** Partitions that share them once DynamoDB has split for heat. */
  partitions: number;
  /** Of the head of `everyone`: one row, which no split helps. */
  headReadsOfConnects: number;
  headReadsOfPings: number;
}

/** A connect writes its row and that it is ready; the row of the connection before is deleted. */
const WRITES_PER_RECONNECT = 3;
/** Before `ready` and after it. */
const HEAD_READS_PER_CONNECT = 2;

export function heat({
  connections,
  connectsPerSecond,
  pingMinutes,
}: {
  connections: number;
  connectsPerSecond: number;
  /** 0: no pings. */
  pingMinutes: number;
}): Heat {
  const subscriptionWrites = connectsPerSecond * WRITES_PER_RECONNECT;
  return {
    subscriptionWrites,
    partitions: Math.max(1, Math.ceil(subscriptionWrites / PARTITION.writeUnits)),
    headReadsOfConnects: connectsPerSecond * HEAD_READS_PER_CONNECT,
    headReadsOfPings: pingMinutes > 0 ? connections / (pingMinutes * 60) : 0,
  };
}
