/** The Connections table's stream drives `reconcile`, set so that one bad record never holds up the others for long. */
import { Duration } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { FilterCriteria, FilterRule, type IFunction, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource, SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Construct } from 'constructs';
import { DeadLetterQueue, type DeadLetterQueueProps } from './dead-letter-queue.ts';

export interface ReconcileStreamProps extends DeadLetterQueueProps {
  readonly connections: TableV2;
  readonly reconcile: IFunction;
}

export class ReconcileStream extends Construct {
  /** Where in the stream the records stand that were given up; the rows themselves are in the table. */
  readonly failedReplays: DeadLetterQueue;

  constructor(scope: Construct, id: string, props: ReconcileStreamProps) {
    super(scope, id);
    const { connections, reconcile } = props;
    this.failedReplays = new DeadLetterQueue(this, 'FailedReplays', props);
    reconcile.addEventSource(
      new DynamoEventSource(connections, {
        // Nothing is missed while the mapping is created, and what is driven twice does no harm.
        startingPosition: StartingPosition.TRIM_HORIZON,
        filters: [askedForReplay],
        // As many as the handler drives at once.
        batchSize: 20,
        parallelizationFactor: 10,
        reportBatchItemFailures: true,
        bisectBatchOnError: true,
        retryAttempts: 3,
        maxRecordAge: Duration.minutes(10),
        onFailure: new SqsDlq(this.failedReplays),
      }),
    );
  }
}

/** Rows that ask for a replay. Whether they asked before already, a filter cannot see; the handler does. */
const askedForReplay = FilterCriteria.filter({
  eventName: FilterRule.or('INSERT', 'MODIFY'),
  dynamodb: { NewImage: { replayRequestId: { S: FilterRule.exists() } } },
});
