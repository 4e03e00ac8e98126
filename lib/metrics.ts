/** What is watched: the metrics that our Lambdas write into their logs, and those of the services. */
import { Duration } from 'aws-cdk-lib';
import { type IMetric, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';

/** As `lambdas/` calls them. */
export type OwnMetric =
  | 'busy'
  | 'catchUpMs'
  | 'connected'
  | 'connectToReadyMs'
  | 'cursorLag'
  | 'deferred'
  | 'fanOutLagMs'
  | 'fanOutServed'
  | 'gone'
  | 'lostRaces'
  | 'notReading'
  | 'postMs'
  | 'postsThrottled'
  | 'published'
  | 'rangesFailed'
  | 'replayed'
  | 'sent'
  | 'tokensRefused'
  | 'youngGone';

export const FIVE_MINUTES = { period: Duration.minutes(5) };
export const ONE_MINUTE = { period: Duration.minutes(1) };

export interface Watched {
  /** Tells its metrics from those of other backends in the account. */
  readonly backend: string;
  readonly webSocketApi: { readonly apiId: string; readonly stageName: string };
  readonly httpApiId: string;
}

/** Five minutes each. */
export class Metrics {
  readonly #watched: Watched;

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  own(metricName: OwnMetric, statistic: string = Stats.SUM, label: string = metricName): Metric {
    const dimensionsMap = { backend: this.#watched.backend };
    return new Metric({
      namespace: 'Herald',
      metricName,
      dimensionsMap,
      statistic,
      label: statistic === Stats.SUM ? label : `${label} ${statistic}`,
      ...FIVE_MINUTES,
    });
  }

  webSocketApi(metricName: 'ConnectCount' | 'MessageCount' | 'IntegrationError'): Metric {
    const { apiId, stageName } = this.#watched.webSocketApi;
    const dimensionsMap = { ApiId: apiId, Stage: stageName };
    return new Metric({
      namespace: 'AWS/ApiGateway',
      metricName,
      dimensionsMap,
      statistic: Stats.SUM,
      ...FIVE_MINUTES,
    });
  }

  httpApi(metricName: 'Count' | '4xx' | '5xx'): Metric {
    const dimensionsMap = { ApiId: this.#watched.httpApiId };
    return new Metric({
      namespace: 'AWS/ApiGateway',
      metricName,
      dimensionsMap,
      statistic: Stats.SUM,
      ...FIVE_MINUTES,
    });
  }
}

/** As one expression names them. */
export const named = (prefix: string, metrics: IMetric[]): Record<string, IMetric> =>
  Object.fromEntries(metrics.map((metric, index) => [`${prefix}${index}`, metric]));
