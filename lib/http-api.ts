/** The door of services and operators: signed HTTPS requests (SigV4), allowed by the caller's IAM policy. */
import { Duration } from 'aws-cdk-lib';
import {
  type DomainName,
  HttpApi,
  HttpMethod,
  type HttpRoute,
  HttpStage,
  type ThrottleSettings,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { accessLog } from './access-log.ts';
import { type CustomDomain, createDomain } from './custom-domain.ts';
import type { LogSettings } from './logs.ts';

export interface ServiceApiProps {
  readonly notify: IFunction;
  readonly users: IFunction;
  readonly throttle: ThrottleSettings;
  readonly logs: LogSettings;
  readonly httpDomain: CustomDomain | undefined;
}

export class ServiceApi extends Construct {
  /** Without a slash at its end. */
  readonly url: string;
  readonly domain: DomainName | undefined;
  readonly apiId: string;
  /** `POST /notifications` */
  readonly publishRoutes: HttpRoute[];
  /** `/users/…`: history, presence, revoke. */
  readonly userRoutes: HttpRoute[];

  constructor(scope: Construct, id: string, props: ServiceApiProps) {
    super(scope, id);
    const { notify, users, throttle, logs, httpDomain } = props;
    const api = new HttpApi(this, 'Api', {
      description: 'Herald: publishing, and what operators ask about users',
      createDefaultStage: false,
      disableExecuteApiEndpoint: httpDomain !== undefined,
      defaultAuthorizer: new HttpIamAuthorizer(),
    });
    this.domain = httpDomain && createDomain(this, httpDomain);
    new HttpStage(this, 'Stage', {
      httpApi: api,
      autoDeploy: true,
      throttle,
      accessLogSettings: accessLog(this, 'http', logs),
      ...(this.domain && { domainMapping: { domainName: this.domain } }),
    });
    this.apiId = api.apiId;
    this.url = httpDomain ? `https://${httpDomain.domainName}` : api.apiEndpoint;
    const integration = (name: string, lambda: IFunction) =>
      new HttpLambdaIntegration(name, lambda, { timeout: Duration.seconds(29) });
    this.publishRoutes = api.addRoutes({
      path: '/notifications',
      methods: [HttpMethod.POST],
      integration: integration('Notify', notify),
    });
    const toUsers = integration('Users', users);
    this.userRoutes = [
      ...api.addRoutes({
        path: '/users/{userId}/messages',
        methods: [HttpMethod.GET],
        integration: toUsers,
      }),
      ...api.addRoutes({
        path: '/users/{userId}/connections',
        methods: [HttpMethod.GET, HttpMethod.DELETE],
        integration: toUsers,
      }),
    ];
  }
}
