/** The door of services and operators: signed HTTPS requests (SigV4), allowed by the caller's IAM policy. */
import { Duration, Stack } from 'aws-cdk-lib';
import {
  type DomainName,
  HttpApi,
  type HttpMethod,
  type HttpRoute,
  HttpStage,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Grant as AccessGrant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { Grant } from '../lambdas/lambda-spec.ts';
import { LAMBDAS } from '../lambdas/manifest.ts';
import { accessLog } from './access-log.ts';
import { type CustomDomain, createDomain } from './custom-domain.ts';
import { STATEFUL_NAMES, type StatefulName } from './functions.ts';
import { type HeraldFunction, integrationId } from './herald-function.ts';
import type { LogSettings } from './logs.ts';
import { type ThrottleProps, throttleRoutes } from './route-throttles.ts';

export interface ServiceApiProps extends ThrottleProps {
  readonly functions: Record<StatefulName, HeraldFunction>;
  readonly logs: LogSettings;
  readonly httpDomain: CustomDomain | undefined;
}

export class ServiceApi extends Construct {
  /** Without a slash at its end. */
  readonly url: string;
  readonly domain: DomainName | undefined;
  readonly apiId: string;
  /** The keys of the routes, by the grant that opens them to a caller. */
  readonly #opened: Record<Grant, string[]> = { publish: [], operate: [], manageTopics: [] };

  constructor(scope: Construct, id: string, props: ServiceApiProps) {
    super(scope, id);
    const { functions, throttle, logs, httpDomain } = props;
    const api = new HttpApi(this, 'Api', {
      description: 'Herald: publishing, members of topics, and what operators ask',
      createDefaultStage: false,
      disableExecuteApiEndpoint: httpDomain !== undefined,
      defaultAuthorizer: new HttpIamAuthorizer(),
    });
    this.domain = httpDomain && createDomain(this, httpDomain);
    const stage = new HttpStage(this, 'Stage', {
      httpApi: api,
      autoDeploy: true,
      throttle,
      accessLogSettings: accessLog(this, 'http', logs),
      ...(this.domain && { domainMapping: { domainName: this.domain } }),
    });
    this.apiId = api.apiId;
    this.url = httpDomain ? `https://${httpDomain.domainName}` : api.apiEndpoint;
    const routes: HttpRoute[] = [];
    for (const name of STATEFUL_NAMES) {
      const { httpRoutes = {}, timeoutSeconds } = LAMBDAS[name];
      const timeout = Duration.seconds(timeoutSeconds);
      const integration = new HttpLambdaIntegration(integrationId(name), functions[name].target, { timeout });
      for (const [route, grant] of Object.entries(httpRoutes)) {
        const [method, path = ''] = route.split(' ');
        routes.push(...api.addRoutes({ path, methods: [method as HttpMethod], integration }));
        this.#opened[grant].push(route);
      }
    }
    throttleRoutes(stage, routes, props);
  }

  /**
   * Lets somebody send the requests of a grant, and no others. What CDK grants for a route with
   * `{userId}` in it ends there: to manage `GET /users/{userId}/topics` it would let them read every
   * user's messages.
   */
  open(grant: Grant, grantee: IGrantable): void {
    const requests = this.#opened[grant].map((route) => route.replaceAll(/\{[^}]*\}/g, '*').replace(' ', ''));
    AccessGrant.addToPrincipal({
      grantee,
      actions: ['execute-api:Invoke'],
      resourceArns: requests.map((request) =>
        Stack.of(this).formatArn({
          service: 'execute-api',
          resource: this.apiId,
          resourceName: `*/${request}`,
        }),
      ),
    });
  }
}
