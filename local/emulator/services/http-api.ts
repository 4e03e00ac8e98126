/** API Gateway's HTTP API: routes to Lambdas with payload format 2.0. Signatures are not checked here. */
import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../../../lambdas/domain/ports/logger.ts';
import { answer, answerJson, readBody } from '../http.ts';
import { requestTime } from '../ids.ts';
import { ACCOUNT, LambdaError, type Lambdas, within } from '../lambdas.ts';
import { headersProblem } from '../request-limits.ts';
import { parseHttpResult } from './http-result.ts';

/** By route key, as in `GET /users/{userId}/messages`: the Lambda that answers. */
export type Routes = Readonly<Record<string, string>>;

export interface HttpApiOptions {
  routes: Routes;
  /** https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html */
  timeoutMs?: number | undefined;
  maxBodyBytes?: number | undefined;
}

export type HttpApi = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

class TimedOut extends Error {}

export function createHttpApi(
  lambdas: Lambdas,
  logger: Logger,
  { routes, timeoutMs = 30_000, maxBodyBytes = 10 * 1024 * 1024 }: HttpApiOptions,
): HttpApi {
  return async (request, response) => {
    const body = await readBody(request, maxBodyBytes);
    if (headersProblem(request))
      return answerJson(response, 431, { message: 'Request Header Fields Too Large' });
    const route = findRoute(routes, request);
    if (!route) return answerJson(response, 404, { message: 'Not Found' });
    if (route === 'malformed') return answerJson(response, 400, { message: 'Bad Request' });
    if (!body) return answerJson(response, 413, { message: 'Request Entity Too Large' });
    try {
      const run = lambdas.invoke(route.lambda, httpEvent(request, route, body));
      const result = parseHttpResult(await within(timeoutMs, run, () => new TimedOut()));
      if (result) return answer(response, result.statusCode, result.headers, result.body);
      logger.error('malformed proxy response', { routeKey: route.key });
    } catch (error) {
      if (error instanceof TimedOut) return answerJson(response, 503, { message: 'Service Unavailable' });
      if (!(error instanceof LambdaError)) throw error;
      logger.error('the Lambda failed', { routeKey: route.key, error });
    }
    answerJson(response, 500, { message: 'Internal Server Error' });
  };
}

interface Route {
  key: string;
  lambda: string;
  /** Decoded. */
  path: string;
  pathParameters: Record<string, string>;
}

function findRoute(routes: Routes, { method, url = '' }: IncomingMessage): Route | 'malformed' | undefined {
  const path = decodedPath(url);
  if (path === undefined) return 'malformed';
  const segments = path.split('/');
  for (const [key, lambda] of Object.entries(routes)) {
    const [routeMethod, pattern = ''] = key.split(' ');
    const pathParameters = routeMethod === method ? match(pattern.split('/'), segments) : undefined;
    if (pathParameters) return { key, lambda, path, pathParameters };
  }
  return undefined;
}

/**
 * API Gateway decodes the path of an HTTP API before it looks for a route, and cuts it at a `?` that
 * was escaped. Example: `/users/a%2Fconnections%3F/messages` asks for `/users/a/connections`.
 * Undefined: it cannot be decoded.
 */
function decodedPath(url: string): string | undefined {
  try {
    return decodeURIComponent(url.split('?')[0] ?? '').split('?')[0];
  } catch {
    return undefined;
  }
}

/** What stands in the places of `{name}`; undefined: it is another path. */
function match(pattern: string[], segments: string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const parameters = new Map<string, string>();
  for (const [at, expected] of pattern.entries()) {
    const segment = segments[at] ?? '';
    const name = /^\{(.+)\}$/.exec(expected)?.[1];
    if (name === undefined ? segment !== expected : segment === '') return undefined;
    if (name !== undefined) parameters.set(name, segment);
  }
  return Object.fromEntries(parameters);
}

function httpEvent(request: IncomingMessage, route: Route, body: Buffer) {
  const { url = '' } = request;
  const rawPath = route.path;
  const rawQueryString = url.includes('?') ? url.slice(url.indexOf('?') + 1) : '';
  const headers = lowerCased(request.rawHeaders);
  const { cookie, ...others } = headers;
  // As text, bytes that are none would become other characters before the Lambda could refuse them.
  const isText = isTextual(headers['content-type']) && isUtf8(body);
  return {
    version: '2.0',
    routeKey: route.key,
    rawPath,
    rawQueryString,
    ...(cookie !== undefined && { cookies: cookie.split('; ') }),
    headers: others,
    ...(rawQueryString !== '' && { queryStringParameters: commaJoined(new URLSearchParams(rawQueryString)) }),
    ...(Object.keys(route.pathParameters).length > 0 && { pathParameters: route.pathParameters }),
    requestContext: requestContext(request, route, rawPath),
    ...(body.length > 0 && { body: body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: body.length > 0 && !isText,
  };
}

function requestContext(
  { headers, method, socket, httpVersion }: IncomingMessage,
  route: Route,
  path: string,
) {
  const timeEpoch = Date.now();
  const domainName = headers.host ?? 'localhost';
  return {
    accountId: ACCOUNT,
    apiId: 'herald',
    authorizer: {
      iam: {
        accessKey: 'local',
        accountId: ACCOUNT,
        callerId: 'local',
        userArn: `arn:aws:iam::${ACCOUNT}:root`,
      },
    },
    domainName,
    domainPrefix: domainName.split('.')[0],
    http: {
      method,
      path,
      protocol: `HTTP/${httpVersion}`,
      sourceIp: socket.remoteAddress ?? '127.0.0.1',
      userAgent: headers['user-agent'] ?? '',
    },
    requestId: randomUUID(),
    routeKey: route.key,
    stage: '$default',
    time: requestTime(timeEpoch),
    timeEpoch,
  };
}

function lowerCased(rawHeaders: string[]): Record<string, string> {
  // No plain object: a header may be called `__proto__`.
  const headers = new Map<string, string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? '';
    const value = rawHeaders[at + 1] ?? '';
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(headers);
}

const commaJoined = (query: URLSearchParams): Record<string, string> =>
  Object.fromEntries([...query.keys()].map((name) => [name, query.getAll(name).join(',')]));

/** Everything else reaches the Lambda in base64, forms too. */
const isTextual = (contentType = 'application/json'): boolean =>
  /^(text\/|application\/([\w.-]+\+)?(json|xml|javascript)\b)/i.test(contentType);
