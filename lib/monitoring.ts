/**
 * Alarms that mean somebody has to look, the page to look at, and the questions to ask the logs. Each alarm names the entry of
 * docs/operations.md that says what to do.
 */
import { Duration, Names } from 'aws-cdk-lib';
import { type Dashboard, type IMetric, MathExpression, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { FilterPattern, MetricFilter } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { LambdaSpec, QueueDeadLetters, StreamDeadLetters } from '../lambdas/lambda-spec.ts';
import { LAMBDA_NAMES, LAMBDAS } from '../lambdas/manifest.ts';
import { Alarms } from './alarms.ts';
import { BackendDashboard } from './dashboard.ts';
import { STATEFUL_NAMES, type StatefulName } from './functions.ts';
import type { HeraldFunction } from './herald-function.ts';
import { FIVE_MINUTES, Metrics, named, ONE_MINUTE, type Watched } from './metrics.ts';
import { Queries } from './queries.ts';
import type { Tables } from './tables.ts';

export interface MonitoringProps extends Watched {
  readonly authorizer: HeraldFunction;
  readonly functions: Record<StatefulName, HeraldFunction>;
  readonly tables: Tables;
  readonly deadLetterQueues: Record<DeadLetters, IQueue>;
  /** Undefined: the alarms only show. */
  readonly alarmTopic: ITopic | undefined;
}

export type DeadLetters = 'FailedNotifications' | 'UndeliveredEvents' | StreamDeadLetters | QueueDeadLetters;

/** Entries of docs/operations.md. */
const QUEUE_ENTRIES: Record<QueueDeadLetters, string> = {
  FailedRetries: 'failed-retries',
  FailedFanOuts: 'failed-fan-outs',
  FailedOutboxRows: 'failed-outbox-rows',
  FailedLookUps: 'failed-events',
};

const STREAM_ENTRIES: Record<StreamDeadLetters, string> = {
  FailedReplays: 'poison-record',
  FailedTopicReplays: 'poison-record',
  UnreadOutboxRows: 'outbox-lag',
  FailedEvents: 'failed-events',
};

/** Half of the connections that an account may open per second at first, over a minute. */
const STORM_PER_MINUTE = 15_000;

export class Monitoring extends Construct {
  readonly dashboard: Dashboard;
  readonly #alarms: Alarms;
  readonly #metrics: Metrics;

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    this.#alarms = new Alarms(this, props.alarmTopic);
    this.#metrics = new Metrics(props);
    this.#watchDeadLetters(props);
    this.#watchErrors(props);
    this.#watchReplay(props);
    this.#watchOutbox(props);
    this.#watchThrottles(props);
    this.#watchPublishers();
    this.#watchFanOut();
    this.#watchClients();
    const { backend, functions, authorizer } = props;
    const { dashboard } = new BackendDashboard(this, 'Overview', {
      ...props,
      metrics: this.#metrics,
      alarms: this.#alarms.all,
    });
    this.dashboard = dashboard;
    const logGroups = [...Object.values(functions), authorizer].map(({ logGroup }) => logGroup);
    new Queries(this, 'Queries', { backend, logGroups });
  }

  #watchDeadLetters({ deadLetterQueues }: MonitoringProps) {
    const watch = (name: DeadLetters, says: string, entry: string) => {
      const metric = deadLetterQueues[name].metricApproximateNumberOfMessagesVisible(FIVE_MINUTES);
      this.#alarms.watch(name, { metric, above: 0, says, entry });
    };
    watch(
      'FailedNotifications',
      'A notification failed every retry and waits in a dead-letter queue.',
      'dead-letters',
    );
    watch(
      'UndeliveredEvents',
      'EventBridge could not hand a notification over; it waits in a dead-letter queue.',
      'dead-letters',
    );
    for (const name of LAMBDA_NAMES) {
      for (const { table, deadLetters } of LAMBDAS[name].streams ?? []) {
        watch(
          deadLetters,
          `A record of the ${table} stream failed every retry.`,
          STREAM_ENTRIES[deadLetters],
        );
      }
      for (const { queue, deadLetters } of LAMBDAS[name].queues ?? []) {
        watch(deadLetters, `A message of the ${queue} queue failed every try.`, QUEUE_ENTRIES[deadLetters]);
      }
    }
  }

  #watchErrors({ functions, authorizer }: MonitoringProps) {
    const says = (name: string) => `The ${name} Lambda failed: a fault of ours or of AWS, not of a client.`;
    for (const [name, lambda] of Object.entries(functions)) {
      const metric = lambda.metricErrors(FIVE_MINUTES);
      this.#alarms.watch(`${name}Errors`, { metric, above: 0, says: says(name), entry: 'errors' });
    }
    const metric = this.#faultsOf(authorizer);
    this.#alarms.watch('authorizerErrors', { metric, above: 0, says: says('authorizer'), entry: 'errors' });
  }

  /**
   * To Lambda a refused token is an error too, since throwing is the only way to answer 401. So the errors that the
   * runtime writes into its log are counted instead, and no line of the authorizer's own: these quote clients, who may
   * send `Origin: ERROR`.
   */
  #faultsOf(authorizer: HeraldFunction): IMetric {
    const filter = new MetricFilter(this, 'AuthorizerFaults', {
      logGroup: authorizer.logGroup,
      filterPattern: FilterPattern.literal('"ERROR" -"Unauthorized" -"origin refused" -"token refused"'),
      metricNamespace: 'Herald',
      metricName: `${Names.uniqueResourceName(this, { separator: '-', maxLength: 200 })}-AuthorizerFaults`,
    });
    return filter.metric({ ...FIVE_MINUTES, statistic: 'Sum' });
  }

  #watchReplay({ functions }: MonitoringProps) {
    this.#alarms.watch('replayLag', {
      metric: functions.reconcile.metric('IteratorAge', { ...ONE_MINUTE, statistic: 'Maximum' }),
      above: Duration.minutes(1).toMilliseconds(),
      periods: 3,
      says: 'Devices that connect wait over a minute for what they missed.',
      entry: 'replay-lag',
    });
    this.#alarms.watch('slowCatchUp', {
      metric: this.#metrics.own('catchUpMs', Stats.p(90)),
      above: Duration.seconds(10).toMilliseconds(),
      periods: 3,
      says: 'One device in ten waits over 10 s after it connects for what it missed.',
      entry: 'replay-lag',
    });
  }

  #watchOutbox({ functions }: MonitoringProps) {
    this.#alarms.watch('outboxLag', {
      metric: functions.outbox.metric('IteratorAge', { ...ONE_MINUTE, statistic: 'Maximum' }),
      above: Duration.minutes(1).toMilliseconds(),
      periods: 3,
      says: 'What services put into the outbox waits over a minute to be published.',
      entry: 'outbox-lag',
    });
  }

  /** Two alarms, since one takes ten metrics: refused are those who wait, or the work behind them. */
  #watchThrottles({ functions, authorizer }: MonitoringProps) {
    const isAwaited = (name: StatefulName) => {
      const { webSocketRoutes, httpRoutes }: LambdaSpec = LAMBDAS[name];
      return webSocketRoutes !== undefined || httpRoutes !== undefined;
    };
    const awaited = STATEFUL_NAMES.filter(isAwaited);
    const behind = STATEFUL_NAMES.filter((name) => !isAwaited(name));
    const says = 'the concurrency of the account is used up.';
    this.#alarms.watch('throttles', {
      metric: throttlesOf([authorizer, ...awaited.map((name) => functions[name])]),
      above: 0,
      says: `Lambda refused clients, publishers or operators: ${says}`,
      entry: 'throttling',
    });
    this.#alarms.watch('throttledWork', {
      metric: throttlesOf(behind.map((name) => functions[name])),
      above: 0,
      says: `Lambda put off what streams and queues hand over: ${says}`,
      entry: 'throttling',
    });
    this.#alarms.watch('busy', {
      metric: this.#metrics.own('busy'),
      above: 10,
      says: 'Publishers and clients are told to come back: DynamoDB is throttled, or too much goes to one user at once.',
      entry: 'throttling',
    });
    this.#alarms.watch('postsThrottled', {
      metric: this.#metrics.own('postsThrottled'),
      above: 100,
      periods: 2,
      says: 'API Gateway refuses posts (429): the request rate of the account is used up, or clients do not read.',
      entry: 'throttling',
    });
  }

  #watchPublishers() {
    this.#alarms.watch('slowPosts', {
      metric: this.#metrics.own('postMs', Stats.p(99)),
      above: Duration.seconds(2).toMilliseconds(),
      periods: 3,
      says: 'One message in a hundred takes over 2 s from its publisher to the post.',
      entry: 'slow-posts',
    });
    this.#alarms.watch('failedRequests', {
      metric: this.#metrics.httpApi('5xx'),
      above: 5,
      says: 'HTTPS requests of publishers or operators fail on our side.',
      entry: 'failed-requests',
    });
  }

  #watchFanOut() {
    this.#alarms.watch('slowFanOut', {
      metric: this.#metrics.own('fanOutLagMs', Stats.MAXIMUM),
      above: Duration.minutes(10).toMilliseconds(),
      says: 'A message to a large channel took over 10 minutes until the last of its connections.',
      entry: 'slow-fan-out',
    });
    this.#alarms.watch('rangesFailed', {
      metric: this.#metrics.own('rangesFailed'),
      above: 10,
      says: 'Parts of large fan-outs fail and are tried again.',
      entry: 'failed-fan-outs',
    });
  }

  #watchClients() {
    const usingMetrics = {
      refused: this.#metrics.own('tokensRefused'),
      connected: this.#metrics.own('connected'),
    };
    this.#alarms.watch('refusedTokens', {
      metric: new MathExpression({
        ...FIVE_MINUTES,
        label: 'Refused tokens, where they outnumber the connections',
        expression: 'IF(refused > FILL(connected, 0), refused, 0)',
        usingMetrics,
      }),
      above: 20,
      periods: 2,
      says: 'More clients are refused than let in: their tokens are signed with another secret or key, or have expired.',
      entry: 'refused-tokens',
    });
    this.#alarms.watch('reconnectStorm', {
      metric: this.#metrics.webSocketApi('ConnectCount').with(ONE_MINUTE),
      above: STORM_PER_MINUTE,
      says: 'Clients connect at over half the rate that an account is allowed at first.',
      entry: 'reconnect-storm',
    });
  }
}

const throttlesOf = (lambdas: HeraldFunction[]): IMetric =>
  new MathExpression({
    ...FIVE_MINUTES,
    expression: 'SUM(METRICS())',
    usingMetrics: named(
      'lambda',
      lambdas.map((lambda) => lambda.metricThrottles(FIVE_MINUTES)),
    ),
    label: 'Throttled invocations',
  });
