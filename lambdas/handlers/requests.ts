/** What the requests about users and topics share. */
import type { History } from '../domain/operate.ts';
import { RequestError } from '../protocol/errors.ts';
import { MAX_HISTORY_LIMIT } from '../protocol/limits.ts';
import { encodeMessage } from '../wire/herald/encode.ts';
import { type HttpEvent, type HttpResult, jsonText, queryOf } from './http.ts';

const DEFAULT_HISTORY_LIMIT = 100;

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
