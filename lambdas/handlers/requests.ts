/** What the requests about users and topics share. */
import type { App } from '../domain/app.ts';
import type { History } from '../domain/operate.ts';
import type { HttpRouteOf, LambdaName } from '../manifest.ts';
import { RequestError } from '../protocol/errors.ts';
import { MAX_HISTORY_LIMIT } from '../protocol/limits.ts';
import { parseUserPath, USER_PATH_RULE } from '../protocol/user-path.ts';
import { encodeMessage } from '../wire/herald/encode.ts';
import type { Invocation } from './events.ts';
import { type HttpEvent, type HttpResult, jsonText, problem, queryOf, refusal } from './http.ts';

const DEFAULT_HISTORY_LIMIT = 100;

const DEFAULT_PAGE_LIMIT = 100;
const MAX_PAGE_LIMIT = 1000;

/** Answers one request. Throws a {@link RequestError} for a request that is refused. */
export type Answer<Needs extends App = App> = (
  app: Needs,
  event: HttpEvent,
  context: Invocation,
) => Promise<HttpResult>;

/** The handler of a Lambda that answers each of its routes. */
export const createRequestHandler =
  <Name extends LambdaName, Needs extends App = App>(answers: Record<HttpRouteOf<Name>, Answer<Needs>>) =>
  (app: Needs) =>
  async (event: HttpEvent, context: Invocation): Promise<HttpResult> => {
    const { routeKey } = event;
    if (!isRouteOf(answers, routeKey)) return problem(404, 'Not Found', `no request ${routeKey}`);
    try {
      return await answers[routeKey](app, event, context);
    } catch (error) {
      if (error instanceof RequestError) return refusal(error);
      throw error;
    }
  };

const isRouteOf = <Route extends string>(
  answers: Record<Route, unknown>,
  routeKey: string,
): routeKey is Route => Object.hasOwn(answers, routeKey);

/** The user that the path names. Throws a {@link RequestError}. */
export function userIn({ pathParameters }: HttpEvent): string {
  const userId = parseUserPath(pathParameters?.userId);
  if (userId === undefined) throw invalid('userId', USER_PATH_RULE);
  return userId;
}

/** The page of a list that the query asks for. Throws a {@link RequestError}. */
export function pageIn(event: HttpEvent): { limit: number; next: string | undefined } {
  const { limit, next } = queryOf(event, 'limit', 'next');
  return { limit: integer('limit', limit, 1, MAX_PAGE_LIMIT, DEFAULT_PAGE_LIMIT), next };
}

/** A page of a channel's log. */
export async function answerHistory(
  event: HttpEvent,
  read: (after: number, limit: number) => Promise<History>,
): Promise<HttpResult> {
  const query = queryOf(event, 'after', 'limit');
  const after = integer('after', query.after, 0, Number.MAX_SAFE_INTEGER, 0);
  const limit = integer('limit', query.limit, 1, MAX_HISTORY_LIMIT, DEFAULT_HISTORY_LIMIT);
  const { messages, through, head } = await read(after, limit);
  return jsonText(
    200,
    `{"messages":[${messages.map(encodeMessage).join(',')}],"through":${through},"head":${head}}`,
  );
}

/** A parameter of the query. Throws a {@link RequestError}. */
export function integer(
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

export const invalid = (path: string, rule: string): RequestError =>
  new RequestError('invalid_request', [{ path, message: `expected ${rule}` }]);
