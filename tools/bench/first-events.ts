/** The first event of each Lambda whose start is measured, and the environment it starts in. */
import jwt from 'jsonwebtoken';
import type { LambdaName } from '../../lambdas/manifest.ts';
import { SECRET } from './canned-aws.ts';

const CONNECTION_ID = 'Xk3vQf1_IAMCJ7w=';
const IN_AN_HOUR = Date.now() + 3_600_000;

const requestContext = {
  connectionId: CONNECTION_ID,
  connectedAt: Date.now(),
  domainName: 'herald.example',
  stage: 'stage',
  authorizer: { userId: 'alice', deviceId: 'phone', ackMode: 'client', tokenExpiresAt: String(IN_AN_HOUR) },
};

const token = jwt.sign({ sub: 'alice' }, SECRET, { expiresIn: 3600 });

export const FIRST_EVENTS: Partial<Record<LambdaName, unknown>> = {
  authorizer: {
    methodArn: 'arn:aws:execute-api:us-east-1:000000000000:herald/stage/$connect',
    headers: { Authorization: `Bearer ${token}` },
    queryStringParameters: {},
    requestContext: { connectionId: CONNECTION_ID },
  },
  connect: { requestContext },
  disconnect: { requestContext },
  message: { requestContext, body: '{"action":"ack","seq":1}' },
  notify: { to: { user: 'alice' }, type: 'order.shipped', data: { order: 1 } },
  reconcile: {
    Records: [
      {
        eventName: 'INSERT',
        dynamodb: {
          SequenceNumber: '1',
          Keys: { userId: { S: 'alice' }, connectionId: { S: CONNECTION_ID } },
          NewImage: { replayRequestId: { S: 'request-1' } },
        },
      },
    ],
  },
  users: { routeKey: 'GET /users/{userId}/connections', pathParameters: { userId: 'alice' }, headers: {} },
};

export const environmentOf = (url: string): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  CONNECTIONS_TABLE: 'Connections',
  DEVICES_TABLE: 'Devices',
  MESSAGES_TABLE: 'Messages',
  PUBLISHES_TABLE: 'Publishes',
  RECONCILE_QUEUE_URL: `${url}/000000000000/reconcile`,
  CALLBACK_URL: `${url}/stage`,
  MAX_CONNECTIONS_PER_USER: '10',
  MAX_DEVICES_PER_USER: '1000',
  FRAME_RATE: '10',
  DEFAULT_RETENTION_SECONDS: '604800',
  CLOSED_TYPES: 'false',
  JWT_SECRET_ARN: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:jwt',
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'bench',
  AWS_SECRET_ACCESS_KEY: 'bench',
  AWS_SESSION_TOKEN: 'bench',
  AWS_ENDPOINT_URL: url,
});
