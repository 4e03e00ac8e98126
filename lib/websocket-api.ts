/**
 * The door of the clients. The API and its stage come first and the routes later, because the Lambdas behind
 * the routes need the stage's URL: neither waits for the other.
 */
import { Stack } from 'aws-cdk-lib';
import {
  type CfnApi,
  type DomainName,
  WebSocketApi,
  type WebSocketRoute,
  WebSocketStage,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { WebSocketLambdaAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { WebSocketLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { WebSocketRoute as WebSocketRouteKey } from '../lambdas/lambda-spec.ts';
import { LAMBDAS } from '../lambdas/manifest.ts';
import { accessLog } from './access-log.ts';
import { AccountLogRole, tellWithoutRole } from './account-log-role.ts';
import { type CustomDomain, createDomain } from './custom-domain.ts';
import { STATEFUL_NAMES, type StatefulName } from './functions.ts';
import { type HeraldFunction, integrationId } from './herald-function.ts';
import type { LogSettings } from './logs.ts';
import { acknowledge } from './nag.ts';
import { type ThrottleProps, throttleRoutes } from './route-throttles.ts';

export interface ClientApiProps extends ThrottleProps {
  readonly stageName: string;
  readonly logs: LogSettings;
  readonly webSocketDomain: CustomDomain | undefined;
  readonly accountLogRole: boolean;
}

export class ClientApi extends Construct {
  readonly stage: WebSocketStage;
  readonly domain: DomainName | undefined;
  /** Where clients connect. */
  readonly url: string;
  /** Where frames are posted to. */
  readonly callbackUrl: string;
  readonly #api: WebSocketApi;
  readonly #throttles: ThrottleProps;

  constructor(scope: Construct, id: string, props: ClientApiProps) {
    super(scope, id);
    const { stageName, throttle, logs, webSocketDomain } = props;
    this.#throttles = props;
    this.#api = new WebSocketApi(this, 'Api', {
      description: 'Herald: the connections of the clients',
      // So that `publish` has a Lambda with rights of its own; every other action goes to $default.
      routeSelectionExpression: '$request.body.action',
    });
    this.domain = webSocketDomain && this.#moveTo(webSocketDomain);
    this.stage = new WebSocketStage(this, 'Stage', {
      webSocketApi: this.#api,
      stageName,
      autoDeploy: true,
      throttle,
      accessLogSettings: accessLog(this, 'websocket', logs),
      ...(this.domain && { domainMapping: { domainName: this.domain } }),
    });
    this.url = webSocketDomain ? `wss://${webSocketDomain.domainName}` : this.stage.url;
    this.callbackUrl = webSocketDomain ? `https://${webSocketDomain.domainName}` : this.stage.callbackUrl;
    if (props.accountLogRole) this.stage.node.addDependency(new AccountLogRole(this, 'AccountLogRole'));
    else tellWithoutRole(this);
  }

  /** The name API Gateway gave the API leads nowhere then, not for callbacks either. */
  #moveTo(domain: CustomDomain): DomainName {
    (this.#api.node.defaultChild as CfnApi).disableExecuteApiEndpoint = true;
    return createDomain(this, domain);
  }

  /** ARN of sending a frame (POST) to, or closing (DELETE), any connection of the stage. */
  connectionsArn(method: 'POST' | 'DELETE'): string {
    const resourceName = `${this.stage.stageName}/${method}/@connections/*`;
    return Stack.of(this).formatArn({ service: 'execute-api', resource: this.#api.apiId, resourceName });
  }

  get apiId(): string {
    return this.#api.apiId;
  }

  /** Routes each key to the Lambda that serves it. */
  addRoutes(authorizer: IFunction, functions: Record<StatefulName, HeraldFunction>) {
    const routes = STATEFUL_NAMES.flatMap((name) => {
      const integration = new WebSocketLambdaIntegration(integrationId(name), functions[name].target);
      return (LAMBDAS[name].webSocketRoutes ?? []).map((key) =>
        key === '$connect'
          ? this.#addConnectRoute(integration, authorizer)
          : this.#addRoute(key, integration),
      );
    });
    throttleRoutes(this.stage, routes, this.#throttles);
  }

  #addConnectRoute(integration: WebSocketLambdaIntegration, authorizer: IFunction): WebSocketRoute {
    return this.#api.addRoute('$connect', {
      integration,
      // No identity source: a token may come three ways, and one that is listed and absent is refused unseen.
      authorizer: new WebSocketLambdaAuthorizer('Authorizer', authorizer, { identitySource: [] }),
    });
  }

  #addRoute(key: WebSocketRouteKey, integration: WebSocketLambdaIntegration): WebSocketRoute {
    const route = this.#api.addRoute(key, { integration });
    acknowledge(
      route,
      'AwsSolutions-APIG4',
      'API Gateway authorizes $connect only; the other routes carry what its authorizer found.',
    );
    return route;
  }
}
