/** The operator's requests about a user: history, presence, revoke. */
import type { App } from '../domain/app.ts';
import { history, presence, revoke } from '../domain/operate.ts';
import type { HttpRouteOf } from '../manifest.ts';
import { RequestError } from '../protocol/errors.ts';
import { MAX_HISTORY_LIMIT } from '../protocol/limits.ts';
import { isToken, TOKEN_RULE } from '../protocol/names.ts';
import { parseUserPath, USER_PATH_RULE } from '../protocol/user-path.ts';
import { encodeMessage } from '../wire/herald/encode.ts';
import { type HttpEvent, type HttpResult, json, jsonText, problem, queryOf, refusal } from './http.ts';

const DEFAULT_HISTORY_LIMIT = 100;
/** Of devices: a page takes some hundred bytes each. */
const DEFAULT_PAGE_LIMIT = 100;
const MAX_PAGE_LIMIT = 1000;

export const createUsersHandler =
  (app: App) =>
  async (event: HttpEvent): Promise<HttpResult> => {
    try {
      return await answer(app, event);
    } catch (error) {
      if (error instanceof RequestError) return refusal(error);
      throw error;
    }
  };

type Answer = (app: App, userId: string, event: HttpEvent) => Promise<HttpResult>;

const ANSWERS: Record<HttpRouteOf<'users'>, Answer> = {
  'GET /users/{userId}/messages': answerHistory,
  'GET /users/{userId}/connections': answerPresence,
  'DELETE /users/{userId}/connections': answerRevoke,
};

async function answer(app: App, event: HttpEvent): Promise<HttpResult> {
  const { routeKey, pathParameters } = event;
  const userId = parseUserPath(pathParameters?.userId);
  if (userId === undefined) throw invalid('userId', USER_PATH_RULE);
  if (!isRoute(routeKey)) return problem(404, 'Not Found', `no request ${routeKey}`);
  return await ANSWERS[routeKey](app, userId, event);
}

const isRoute = (routeKey: string): routeKey is HttpRouteOf<'users'> => Object.hasOwn(ANSWERS, routeKey);

async function answerHistory(app: App, userId: string, event: HttpEvent): Promise<HttpResult> {
  const query = queryOf(event, 'after', 'limit');
  const after = integer('after', query.after, 0, Number.MAX_SAFE_INTEGER, 0);
  const limit = integer('limit', query.limit, 1, MAX_HISTORY_LIMIT, DEFAULT_HISTORY_LIMIT);
  const { messages, through, head } = await history(app, userId, after, limit);
  return jsonText(
    200,
    `{"messages":[${messages.map(encodeMessage).join(',')}],"through":${through},"head":${head}}`,
  );
}

async function answerPresence(app: App, userId: string, event: HttpEvent): Promise<HttpResult> {
  const query = queryOf(event, 'limit', 'next');
  const limit = integer('limit', query.limit, 1, MAX_PAGE_LIMIT, DEFAULT_PAGE_LIMIT);
  const { next: after } = query;
  if (after !== undefined && !isToken(after)) throw invalid('next', 'the `next` of the page before');
  return json(200, await presence(app, userId, { limit, after }));
}

async function answerRevoke(app: App, userId: string, event: HttpEvent): Promise<HttpResult> {
  const { deviceId } = queryOf(event, 'deviceId');
  if (deviceId !== undefined && !isToken(deviceId)) throw invalid('deviceId', TOKEN_RULE);
  return json(200, { closed: await revoke(app, userId, deviceId) });
}

function integer(
  name: string,
  value: string | undefined,
  min: number,
  max: number,
  otherwise: number,
): number {
  if (value === undefined) return otherwise;
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= min && number <= max) return number;
  throw invalid(name, `an integer from ${min} to ${max}`);
}

const invalid = (path: string, rule: string): RequestError =>
  new RequestError('invalid_request', [{ path, message: `expected ${rule}` }]);
