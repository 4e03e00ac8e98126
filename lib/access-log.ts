/**
 * What the two APIs write about each request. Never a query string and never a header: both may carry a token.
 * Nor what says it twice: CloudWatch keeps the time of each line, and the route tells the kind of event.
 * Variables: https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html
 */
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import { type IAccessLogSettings, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2';
import type { Construct } from 'constructs';
import { createLog, type LogSettings } from './logs.ts';

const WEBSOCKET_FIELDS = {
  requestId: '$context.requestId',
  sourceIp: '$context.identity.sourceIp',
  routeKey: '$context.routeKey',
  connectionId: '$context.connectionId',
  userId: '$context.authorizer.principalId',
  status: '$context.status',
  authorizerError: '$context.authorizer.error',
  integrationError: '$context.integration.error',
  integrationLatencyMs: '$context.integrationLatency',
};

const HTTP_FIELDS = {
  requestId: '$context.requestId',
  sourceIp: '$context.identity.sourceIp',
  caller: '$context.identity.userArn',
  routeKey: '$context.routeKey',
  path: '$context.path',
  status: '$context.status',
  error: '$context.error.message',
  integrationError: '$context.integrationErrorMessage',
  responseLatencyMs: '$context.responseLatency',
};

const FIELDS = { websocket: WEBSOCKET_FIELDS, http: HTTP_FIELDS };

export const accessLog = (
  scope: Construct,
  kind: keyof typeof FIELDS,
  logs: LogSettings,
): IAccessLogSettings => ({
  destination: new LogGroupLogDestination(createLog(scope, 'AccessLog', logs)),
  format: AccessLogFormat.custom(JSON.stringify(FIELDS[kind])),
});
