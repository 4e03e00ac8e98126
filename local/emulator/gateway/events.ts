/** The events API Gateway sends to the Lambdas of a WebSocket API, key by key. What has no value has no key. */
import type { IncomingMessage } from 'node:http';
import type { WebSocketRoute } from '../../../lambdas/lambda-spec.ts';
import { newGatewayId, requestTime } from '../ids.ts';
import { ACCOUNT, REGION } from '../lambdas.ts';
import { API_ID, STAGE } from './settings.ts';

export interface ClientInfo {
  connectionId: string;
  connectedAt: number;
  sourceIp: string;
  userAgent: string | undefined;
  domainName: string;
  /** What the authorizer said, every value a string, with `principalId` and `integrationLatency`. */
  authorizer: Record<string, string | number> | undefined;
}

type Routed = { routeKey: string; eventType: string } & Record<string, string | number>;

export const METHOD_ARN = `arn:aws:execute-api:${REGION}:${ACCOUNT}:${API_ID}/${STAGE}/$connect`;

const CONNECT: Routed = { routeKey: '$connect', eventType: 'CONNECT' };

/** The authorizer also sees the headers that only matter hop by hop; its context is not known yet. */
export const authorizerEvent = (request: IncomingMessage, client: ClientInfo) => ({
  type: 'REQUEST',
  methodArn: METHOD_ARN,
  ...requestHeaders(request, client, () => true),
  ...queryString(request),
  requestContext: requestContext(client, CONNECT),
});

export const connectEvent = (request: IncomingMessage, client: ClientInfo) => ({
  ...requestHeaders(request, client, (name) => !HOP_BY_HOP.includes(name.toLowerCase())),
  ...queryString(request),
  requestContext: requestContext(client, CONNECT),
  isBase64Encoded: false,
});

export const messageEvent = (client: ClientInfo, routeKey: WebSocketRoute, body: string) => ({
  requestContext: requestContext(client, {
    routeKey,
    eventType: 'MESSAGE',
    messageId: newGatewayId(),
  }),
  body,
  isBase64Encoded: false,
});

export function disconnectEvent(client: ClientInfo, code: number, reason: string) {
  const headers = { Host: client.domainName, 'x-api-key': '', 'X-Forwarded-For': '', 'x-restapi': '' };
  return {
    headers,
    multiValueHeaders: listed(headers),
    requestContext: requestContext(client, {
      routeKey: '$disconnect',
      eventType: 'DISCONNECT',
      disconnectStatusCode: code,
      disconnectReason: reason,
    }),
    isBase64Encoded: false,
  };
}

function requestContext(client: ClientInfo, route: Routed) {
  const { connectionId, connectedAt, domainName, sourceIp, userAgent, authorizer } = client;
  const requestId = newGatewayId();
  const now = Date.now();
  return {
    ...route,
    messageDirection: 'IN',
    ...(authorizer && { authorizer }),
    extendedRequestId: requestId,
    requestId,
    requestTime: requestTime(now),
    requestTimeEpoch: now,
    connectedAt,
    stage: STAGE,
    apiId: API_ID,
    domainName,
    connectionId,
    identity: { ...(userAgent !== undefined && { userAgent }), sourceIp },
  };
}

const HOP_BY_HOP = ['connection', 'upgrade', 'content-length'];

/** Names in the sender's case. Of a header sent twice the last value counts, the lists hold them all. */
function requestHeaders(
  { rawHeaders }: IncomingMessage,
  client: ClientInfo,
  keeps: (name: string) => boolean,
) {
  // No plain object: a header may be called `constructor`.
  const lists = new Map<string, string[]>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2);
    if (keeps(name)) lists.set(name, [...(lists.get(name) ?? []), value]);
  }
  const multiValueHeaders = {
    ...Object.fromEntries(lists),
    'X-Amzn-Trace-Id': [`Root=1-${Math.trunc(client.connectedAt / 1000).toString(16)}-${'0'.repeat(24)}`],
    'X-Forwarded-For': [client.sourceIp],
    'X-Forwarded-Port': [client.domainName.split(':')[1] ?? '80'],
    'X-Forwarded-Proto': ['http'],
  };
  return { headers: lastValues(multiValueHeaders), multiValueHeaders };
}

function queryString({ url = '' }: IncomingMessage) {
  const query = new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?') + 1) : '');
  if (query.size === 0) return {};
  const lists = Object.fromEntries([...query.keys()].map((name) => [name, query.getAll(name)]));
  return { queryStringParameters: lastValues(lists), multiValueQueryStringParameters: lists };
}

const lastValues = (lists: Record<string, string[]>): Record<string, string> =>
  Object.fromEntries(Object.entries(lists).map(([name, values]) => [name, values.at(-1) ?? '']));

const listed = (values: Record<string, string>): Record<string, string[]> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value]]));
