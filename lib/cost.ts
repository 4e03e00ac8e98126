/**
 * What a million deliveries cost at present, from what the services count. List prices of us-east-1 in US dollars, November
 * 2026, arm64; without what does not grow with deliveries: open connections, logs, alarms.
 */
import { type IMetric, MathExpression, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { HeraldFunction } from './herald-function.ts';
import { FIVE_MINUTES, type Metrics, named } from './metrics.ts';

const PER_MILLION = { message: 1, httpRequest: 1, writeUnit: 0.625, readUnit: 0.125 };
const PER_GIGABYTE_SECOND = 0.0000133334;

/** `lambdas`: those that deliver, with the memory they have. */
export interface Priced {
  readonly metrics: Metrics;
  readonly writtenTables: readonly TableV2[];
  readonly readTables: readonly TableV2[];
  readonly lambdas: readonly { readonly lambda: HeraldFunction; readonly memoryMegabytes: number }[];
}

export function costPerMillionDeliveries({
  metrics,
  writtenTables,
  readTables,
  lambdas,
}: Priced): MathExpression {
  const sum = { ...FIVE_MINUTES, statistic: Stats.SUM };
  const writes = named(
    'write',
    writtenTables.map((table) => table.metricConsumedWriteCapacityUnits(sum)),
  );
  const reads = named(
    'read',
    readTables.map((table) => table.metricConsumedReadCapacityUnits(sum)),
  );
  const durations = named(
    'ms',
    lambdas.map(({ lambda }) => lambda.metricDuration(sum)),
  );
  const gigabyteSeconds = lambdas.map(
    ({ memoryMegabytes }, index) => `FILL(ms${index},0)*${memoryMegabytes / 1024 / 1000}`,
  );
  const dollars = [
    `messages*${PER_MILLION.message}`,
    `FILL(requests,0)*${PER_MILLION.httpRequest}`,
    `(${total(writes)})*${PER_MILLION.writeUnit}`,
    `(${total(reads)})*${PER_MILLION.readUnit}`,
    `(${gigabyteSeconds.join('+')})*${PER_GIGABYTE_SECOND * 1e6}`,
  ].join('+');
  return new MathExpression({
    ...FIVE_MINUTES,
    label: 'US dollars per million deliveries',
    expression: `(${dollars})/(FILL(sent,0)+FILL(fannedOut,0)+FILL(replayed,0))`,
    usingMetrics: {
      ...writes,
      ...reads,
      ...durations,
      messages: metrics.webSocketApi('MessageCount'),
      requests: metrics.httpApi('Count'),
      sent: metrics.own('sent'),
      fannedOut: metrics.own('fanOutServed'),
      replayed: metrics.own('replayed'),
    },
  });
}

const total = (using: Record<string, IMetric>): string =>
  Object.keys(using)
    .map((name) => `FILL(${name},0)`)
    .join('+');
