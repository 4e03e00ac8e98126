/** The streams of tables that Lambda reads for us, set so that one bad record never holds up the others for long. */
import { Duration } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { FilterCriteria, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource, SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Construct } from 'constructs';
import { LAMBDAS, type StreamDeadLetters, type StreamSource } from '../lambdas/manifest.ts';
import { DeadLetterQueue, type DeadLetterQueueProps } from './dead-letter-queue.ts';
import { STATEFUL_NAMES, type StatefulName } from './functions.ts';
import type { HeraldFunction } from './herald-function.ts';
import type { Tables } from './tables.ts';

export interface EventSourcesProps extends DeadLetterQueueProps {
  readonly tables: Tables;
  readonly functions: Record<StatefulName, HeraldFunction>;
}

export class EventSources extends Construct {
  /** Where in the stream the records stand that were given up; the rows themselves are in the table. */
  readonly deadLetterQueues: Record<StreamDeadLetters, DeadLetterQueue>;

  constructor(scope: Construct, id: string, props: EventSourcesProps) {
    super(scope, id);
    const { tables, functions } = props;
    const queues = STATEFUL_NAMES.flatMap((name) =>
      (LAMBDAS[name].streams ?? []).map((source) => {
        const queue = new DeadLetterQueue(this, source.deadLetters, props);
        functions[name].target.addEventSource(streamOf(tables[source.table], source, queue));
        return [source.deadLetters, queue];
      }),
    );
    this.deadLetterQueues = Object.fromEntries(queues);
  }
}

const streamOf = (table: TableV2, source: StreamSource, deadLetters: DeadLetterQueue) =>
  new DynamoEventSource(table, {
    // Nothing is missed while the mapping is created, and what comes twice does no harm.
    startingPosition: StartingPosition.TRIM_HORIZON,
    filters: [FilterCriteria.filter(source.filter)],
    batchSize: source.batchSize,
    parallelizationFactor: source.parallelizationFactor,
    reportBatchItemFailures: true,
    bisectBatchOnError: true,
    retryAttempts: source.maxRetries,
    maxRecordAge: Duration.seconds(source.maxRecordAgeSeconds),
    onFailure: new SqsDlq(deadLetters),
  });
