/** The door of services and operators: signed HTTPS requests (SigV4), allowed by the caller's IAM policy. */
import { Duration } from 'aws-cdk-lib';
import {
  HttpApi,
  HttpMethod,
  type HttpRoute,
  HttpStage,
  type ThrottleSettings,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { accessLog } from './access-log.ts';

export interface ServiceApiProps {
  readonly notify: IFunction;
  readonly users: IFunction;
  readonly throttle: ThrottleSettings;
  readonly logRetention: RetentionDays;
}

export class ServiceApi extends Construct {
  /** Without a slash at its end. */
  readonly url: string;
  /** `POST /notifications` */
  readonly publishRoutes: HttpRoute[];
  /** `/users/…`: history, presence, revoke. */
  readonly userRoutes: HttpRoute[];

  constructor(scope: Construct, id: string, { notify, users, throttle, logRetention }: ServiceApiProps) {
    super(scope, id);
    const api = new HttpApi(this, 'Api', {
      description: 'Herald: publishing, and what operators ask about users',
      createDefaultStage: false,
      defaultAuthorizer: new HttpIamAuthorizer(),
    });
    new HttpStage(this, 'Stage', {
      httpApi: api,
      autoDeploy: true,
      throttle,
      accessLogSettings: accessLog(this, 'http', logRetention),
    });
    this.url = api.apiEndpoint;
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
