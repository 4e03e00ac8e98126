/** The operator's requests about a user: history, presence, revoke. */
import type { App } from '../domain/app.ts';
import { userChannel } from '../domain/model.ts';
import { history, presence, revoke } from '../domain/operate.ts';
import type { HttpRouteOf } from '../manifest.ts';
import { RequestError } from '../protocol/errors.ts';
import { isToken, TOKEN_RULE } from '../protocol/names.ts';
import { parseUserPath, USER_PATH_RULE } from '../protocol/user-path.ts';
import { type HttpEvent, type HttpResult, json, problem, queryOf, refusal } from './http.ts';
import { answerHistory, integer, invalid } from './requests.ts';

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
  'GET /users/{userId}/messages': answerMessages,
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

function answerMessages(app: App, userId: string, event: HttpEvent): Promise<HttpResult> {
  return answerHistory(event, (after, limit) => history(app, userChannel(userId), after, limit));
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
