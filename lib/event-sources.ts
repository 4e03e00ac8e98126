/**
 * The streams of tables and the queues that Lambda reads for us, set so that one bad record or message
 * never holds up the others for long.
 */
import { Duration } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { FilterCriteria, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource, SqsDlq, SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Construct } from 'constructs';
import type { LambdaSpec, StreamDeadLetters, StreamSource } from '../lambdas/lambda-spec.ts';
import { LAMBDAS, type LambdaName } from '../lambdas/manifest.ts';
import { DeadLetterQueue, type DeadLetterQueueProps } from './dead-letter-queue.ts';
import { STATEFUL_NAMES, type StatefulName } from './functions.ts';
import type { HeraldFunction } from './herald-function.ts';
import type { Queues } from './queues.ts';
import type { Tables } from './tables.ts';

export interface EventSourcesProps extends DeadLetterQueueProps {
  readonly tables: Tables;
  readonly queues: Queues;
  readonly functions: Record<StatefulName, HeraldFunction>;
  readonly reservedConcurrency: Partial<Record<LambdaName, number>>;
  /** The application is told who comes and goes. */
  readonly events: boolean;
}

export class EventSources extends Construct {
  /** Where in the stream the records stand that were given up; the rows themselves are in the table. */
  readonly deadLetterQueues: Record<StreamDeadLetters, DeadLetterQueue>;

  constructor(scope: Construct, id: string, props: EventSourcesProps) {
    super(scope, id);
    const { tables, queues, functions, reservedConcurrency, events } = props;
    const deadLetterQueues = STATEFUL_NAMES.flatMap((name) =>
      streamsOf(name).map((source) => {
        const queue = new DeadLetterQueue(this, source.deadLetters, props);
        functions[name].target.addEventSource(streamOf(tables[source.table], source, queue, events));
        return [source.deadLetters, queue];
      }),
    );
    this.deadLetterQueues = Object.fromEntries(deadLetterQueues);
    for (const name of STATEFUL_NAMES) {
      const { queues: sources = [] }: LambdaSpec = LAMBDAS[name];
      for (const { queue, batchSize, maxConcurrency: most } of sources) {
        const maxConcurrency = concurrencyOf(most, reservedConcurrency[name]);
        functions[name].target.addEventSource(
          new SqsEventSource(queues.byName[queue], {
            batchSize,
            reportBatchItemFailures: true,
            ...(maxConcurrency !== undefined && { maxConcurrency }),
          }),
        );
      }
    }
  }
}

/** The least that Lambda takes. */
const MIN_CONCURRENCY = 2;

/**
 * A queue takes at most half of the instances that are reserved, and leaves the others to the streams.
 * Example: without this bound, messages that find no free instance count as received, and after some
 * receives become dead letters that nobody has tried.
 */
function concurrencyOf(most: number | undefined, reserved: number | undefined): number | undefined {
  if (reserved === undefined) return most;
  const half = Math.max(MIN_CONCURRENCY, Math.floor(reserved / 2));
  return most === undefined ? half : Math.min(most, half);
}

const streamsOf = (name: StatefulName): readonly StreamSource[] => {
  const { streams = [] }: LambdaSpec = LAMBDAS[name];
  return streams;
};

/** One that is not wanted is there, and reads nothing: so a setting does not replace it. */
const streamOf = (table: TableV2, source: StreamSource, deadLetters: DeadLetterQueue, events: boolean) =>
  new DynamoEventSource(table, {
    // Nothing is missed while the mapping is created, and what comes twice does no harm.
    startingPosition: StartingPosition.TRIM_HORIZON,
    ...(source.forEvents && { enabled: events }),
    filters: source.filters.map((pattern) => FilterCriteria.filter(pattern)),
    batchSize: source.batchSize,
    parallelizationFactor: source.parallelizationFactor,
    reportBatchItemFailures: true,
    bisectBatchOnError: true,
    retryAttempts: source.maxRetries,
    maxRecordAge: Duration.seconds(source.maxRecordAgeSeconds),
    onFailure: new SqsDlq(deadLetters),
  });
