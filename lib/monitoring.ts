/**
 * Alarms that mean somebody has to look. Each names the entry of docs/operations.md that says what at.
 * Missing data is good news: these metrics exist only while something happens.
 */
import { Duration, Names } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { FilterPattern, MetricFilter } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { StatefulName } from './functions.ts';
import type { HeraldFunction } from './herald-function.ts';

export interface MonitoringProps {
  readonly authorizer: HeraldFunction;
  readonly functions: Record<StatefulName, IFunction>;
  readonly deadLetterQueues: Record<string, IQueue>;
  /** Undefined: the alarms only show. */
  readonly alarmTopic: ITopic | undefined;
}

interface Watch {
  readonly metric: IMetric;
  readonly above: number;
  readonly periods?: number;
  readonly says: string;
  /** Entry of docs/operations.md. */
  readonly entry: string;
}

const FIVE_MINUTES = { period: Duration.minutes(5) };
const ONE_MINUTE = { period: Duration.minutes(1) };

export class Monitoring extends Construct {
  readonly #topic: ITopic | undefined;

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    this.#topic = props.alarmTopic;
    this.#watchDeadLetters(props);
    this.#watchErrors(props);
    this.#watchReplay(props);
    this.#watchThrottles(props);
  }

  #watchDeadLetters({ deadLetterQueues }: MonitoringProps) {
    for (const [name, queue] of Object.entries(deadLetterQueues)) {
      this.#alarm(name, {
        metric: queue.metricApproximateNumberOfMessagesVisible(FIVE_MINUTES),
        above: 0,
        says: 'Something failed every retry and waits in a dead-letter queue.',
        entry: 'dead-letters',
      });
    }
  }

  #watchErrors({ functions, authorizer }: MonitoringProps) {
    const says = (name: string) => `The ${name} Lambda failed: a fault of ours or of AWS, not of a client.`;
    for (const [name, lambda] of Object.entries(functions)) {
      const metric = lambda.metricErrors(FIVE_MINUTES);
      this.#alarm(`${name}Errors`, { metric, above: 0, says: says(name), entry: 'errors' });
    }
    const metric = this.#faultsOf(authorizer);
    this.#alarm('authorizerErrors', { metric, above: 0, says: says('authorizer'), entry: 'errors' });
  }

  /** To Lambda a refused token is an error too, since throwing is the only way to answer 401. So its log is counted instead. */
  #faultsOf(authorizer: HeraldFunction): IMetric {
    const filter = new MetricFilter(this, 'AuthorizerFaults', {
      logGroup: authorizer.logGroup,
      filterPattern: FilterPattern.literal('"ERROR" -"Unauthorized"'),
      metricNamespace: 'Herald',
      metricName: `${Names.uniqueResourceName(this, { separator: '-', maxLength: 200 })}-AuthorizerFaults`,
    });
    return filter.metric({ ...FIVE_MINUTES, statistic: 'Sum' });
  }

  #watchReplay({ functions }: MonitoringProps) {
    this.#alarm('replayLag', {
      metric: functions.replay.metric('IteratorAge', { ...ONE_MINUTE, statistic: 'Maximum' }),
      above: Duration.minutes(1).toMilliseconds(),
      periods: 3,
      says: 'Devices that connect wait over a minute for what they missed.',
      entry: 'replay-lag',
    });
  }

  #watchThrottles({ functions, authorizer }: MonitoringProps) {
    const lambdas = Object.entries({ ...functions, authorizer });
    const usingMetrics = Object.fromEntries(
      lambdas.map(([name, lambda]) => [name, lambda.metricThrottles(FIVE_MINUTES)]),
    );
    const expression = 'SUM(METRICS())';
    this.#alarm('throttles', {
      metric: new MathExpression({
        ...FIVE_MINUTES,
        expression,
        usingMetrics,
        label: 'Throttled invocations',
      }),
      above: 0,
      says: 'Lambda refused invocations: the concurrency of the account is used up.',
      entry: 'throttles',
    });
  }

  #alarm(id: string, { metric, above, periods = 1, says, entry }: Watch) {
    const alarm = new Alarm(this, id, {
      metric,
      threshold: above,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: periods,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription: `${says} See docs/operations.md#${entry}`,
    });
    if (this.#topic) alarm.addAlarmAction(new SnsAction(this.#topic));
  }
}
