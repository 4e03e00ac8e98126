/** One page for the person on call, top down: does it work, is it fast, what is in its way. Fewer than 50 metrics, so that it is free. */
import { Duration } from 'aws-cdk-lib';
import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IAlarm,
  type IMetric,
  SingleValueWidget,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { LAMBDAS } from '../lambdas/manifest.ts';
import { costPerMillionDeliveries } from './cost.ts';
import type { StatefulName } from './functions.ts';
import type { HeraldFunction } from './herald-function.ts';
import { FIVE_MINUTES, type Metrics } from './metrics.ts';
import type { Tables } from './tables.ts';

export interface BackendDashboardProps {
  readonly metrics: Metrics;
  readonly alarms: IAlarm[];
  readonly tables: Tables;
  readonly functions: Record<StatefulName, HeraldFunction>;
}

/** The Lambdas whose time grows with deliveries. */
const DELIVERING = ['notify', 'fan-out', 'reconcile', 'message'] as const;

export class BackendDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, props: BackendDashboardProps) {
    super(scope, id);
    this.dashboard = new Dashboard(this, 'Dashboard', { defaultInterval: Duration.hours(3) });
    this.dashboard.addWidgets(
      new AlarmStatusWidget({ title: 'Alarms', alarms: props.alarms, width: 24, height: 4 }),
    );
    this.dashboard.addWidgets(...traffic(props));
    this.dashboard.addWidgets(...latency(props));
    this.dashboard.addWidgets(...fanOut(props));
    this.dashboard.addWidgets(...obstacles(props));
    this.dashboard.addWidgets(...faults(props));
  }
}

const graph = (title: string, left: IMetric[], right: IMetric[] = []) =>
  new GraphWidget({ title, left, right, width: 8, height: 6 });

const traffic = ({ metrics, tables, functions }: BackendDashboardProps) => [
  graph('Connections: opened, ready, refused', [
    metrics.webSocketApi('ConnectCount'),
    metrics.own('connected'),
    metrics.own('tokensRefused'),
  ]),
  graph(
    'Messages by outcome',
    (['published', 'sent', 'replayed', 'deferred', 'gone'] as const).map((name) => metrics.own(name)),
  ),
  new SingleValueWidget({
    title: 'Estimated cost per million deliveries',
    width: 8,
    height: 6,
    metrics: [
      costPerMillionDeliveries({
        metrics,
        writtenTables: [
          ...[tables.connections, tables.devices, tables.messages, tables.publishes],
          ...[tables.subscriptions, tables.cursors],
        ],
        readTables: [tables.connections, tables.devices, tables.messages, tables.subscriptions],
        lambdas: DELIVERING.map((name) => ({
          lambda: functions[name],
          memoryMegabytes: LAMBDAS[name].memoryMegabytes,
        })),
      }),
    ],
  }),
];

const latency = ({ metrics, functions }: BackendDashboardProps) => [
  graph('Publish → post (ms)', [metrics.own('postMs', Stats.p(50)), metrics.own('postMs', Stats.p(99))]),
  graph('Connect → caught up (ms)', [
    metrics.own('connectToReadyMs', Stats.p(50)),
    metrics.own('catchUpMs', Stats.p(99)),
  ]),
  graph(
    'Replay lag: stream (ms), cursors when they connect (messages)',
    [functions.reconcile.metric('IteratorAge', { ...FIVE_MINUTES, statistic: Stats.MAXIMUM })],
    [metrics.own('cursorLag', Stats.MAXIMUM)],
  ),
];

const fanOut = ({ metrics }: BackendDashboardProps) => [
  graph('Large fan-outs: publish → last post (ms)', [metrics.own('fanOutLagMs', Stats.MAXIMUM)]),
  graph('Large fan-outs: connections served, ranges failed', [
    metrics.own('fanOutServed'),
    metrics.own('rangesFailed'),
  ]),
];

const obstacles = ({ metrics }: BackendDashboardProps) => [
  graph('Races for a seq', [metrics.own('lostRaces')]),
  graph('Throttled: publishers and clients told to wait, posts, invocations', [
    metrics.own('busy'),
    metrics.own('postsThrottled'),
    LambdaFunction.metricAllThrottles({ ...FIVE_MINUTES, label: 'invocations, in the whole account' }),
  ]),
  graph('Gone though young (410 while opening, or left at once), closed since they did not read', [
    metrics.own('youngGone'),
    metrics.own('notReading'),
  ]),
];

/** Whether there are dead letters, the alarms tell, queue by queue. */
const faults = ({ metrics, functions }: BackendDashboardProps) => [
  graph('Outbox: how long rows wait (ms)', [
    functions.outbox.metric('IteratorAge', { ...FIVE_MINUTES, statistic: Stats.MAXIMUM }),
  ]),
  graph('Failed invocations; the alarms tell whose', [
    LambdaFunction.metricAllErrors({ ...FIVE_MINUTES, label: 'in the whole account' }),
  ]),
  graph('Refused and failed requests', [
    metrics.httpApi('4xx'),
    metrics.httpApi('5xx'),
    metrics.webSocketApi('IntegrationError'),
  ]),
];
