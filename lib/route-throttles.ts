/** Throttles of single routes, for which CDK's stages have no property. */
import type { CfnRoute, CfnStage, ThrottleSettings } from 'aws-cdk-lib/aws-apigatewayv2';
import type { IConstruct } from 'constructs';
import type { RouteKey } from '../lambdas/manifest.ts';
import type { RouteThrottles } from './settings.ts';

export interface ThrottleProps {
  /** Of every route that has none of its own. */
  readonly throttle: ThrottleSettings;
  readonly routeThrottles: RouteThrottles;
}

/** `routes`: all of the stage's API. */
export function throttleRoutes(
  stage: IConstruct,
  routes: readonly IConstruct[],
  { throttle, routeThrottles }: ThrottleProps,
): void {
  const cfnStage = stage.node.defaultChild as CfnStage;
  const settings = routes.flatMap((route) => {
    const cfnRoute = route.node.defaultChild as CfnRoute;
    const own = routeThrottles[cfnRoute.routeKey as RouteKey];
    if (own === undefined) return [];
    // API Gateway refuses the settings of a route that does not exist yet.
    cfnStage.addResourceDependency(cfnRoute);
    const { rateLimit, burstLimit } = { ...throttle, ...own };
    return [[cfnRoute.routeKey, { ThrottlingRateLimit: rateLimit, ThrottlingBurstLimit: burstLimit }]];
  });
  if (settings.length > 0) cfnStage.routeSettings = Object.fromEntries(settings);
}
