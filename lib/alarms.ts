/**
 * How an alarm of ours is made: whom it tells, and where it says what to do. Missing data is good news: most metrics exist
 * only while something happens.
 */
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

export interface Watch {
  readonly metric: IMetric;
  readonly above: number;
  readonly periods?: number;
  readonly says: string;
  /** Entry of docs/operations.md. */
  readonly entry: string;
}

export class Alarms {
  readonly all: Alarm[] = [];
  readonly #scope: Construct;
  readonly #topic: ITopic | undefined;

  /** `topic`: undefined: the alarms only show. */
  constructor(scope: Construct, topic: ITopic | undefined) {
    this.#scope = scope;
    this.#topic = topic;
  }

  watch(id: string, { metric, above, periods = 1, says, entry }: Watch): void {
    const alarm = new Alarm(this.#scope, id, {
      metric,
      threshold: above,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: periods,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription: `${says} See docs/operations.md#${entry}`,
    });
    this.all.push(alarm);
    if (this.#topic) alarm.addAlarmAction(new SnsAction(this.#topic));
  }
}
