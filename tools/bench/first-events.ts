/** The first event of each Lambda whose start is measured, and the environment it starts in. */
import jwt from 'jsonwebtoken';
import type { LambdaName } from '../../lambdas/manifest.ts';
import { lambdaEnvironment } from '../../local/emulator/environment.ts';
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
          NewImage: {
            userId: { S: 'alice' },
            connectionId: { S: CONNECTION_ID },
            replayRequestId: { S: 'request-1' },
          },
        },
      },
    ],
  },
  users: { routeKey: 'GET /users/{userId}/connections', pathParameters: { userId: 'alice' }, headers: {} },
};

/** The environment of the local stack, whose only service is the one at `url`. */
export const environmentOf = (url: string): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  ...lambdaEnvironment(url, url),
  AWS_SESSION_TOKEN: 'bench',
});
