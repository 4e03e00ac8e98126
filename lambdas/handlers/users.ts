/** Requests about a user: history, presence, revoke, inbox, what is read, withdrawal, erasing. */
import type { App } from '../domain/app.ts';
import { type EraseApp, erase } from '../domain/erase.ts';
import { inboxOf } from '../domain/inbox/history.ts';
import { mark, type Refusal, TOO_MANY_SINGLES_RULE } from '../domain/inbox/read-state.ts';
import { withdraw, withdrawById } from '../domain/inbox/withdraw.ts';
import { userChannel } from '../domain/model.ts';
import { history, presence, revoke } from '../domain/operate.ts';
import { type FieldError, RequestError } from '../protocol/errors.ts';
import { DEFAULT_INBOX_LIMIT, MAX_INBOX_LIMIT } from '../protocol/limits.ts';
import { isMessageId, isToken, MESSAGE_ID_RULE, TOKEN_RULE } from '../protocol/names.ts';
import { parseWholeMark } from '../protocol/read-mark.ts';
import { encodeHistory } from '../wire/herald/encode.ts';
import type { Invocation } from './events.ts';
import { type HttpEvent, type HttpResult, json, jsonBody, jsonText, queryOf } from './http.ts';
import { answerHistory, createRequestHandler, integer, invalid, pageIn, userIn } from './requests.ts';

export const createUsersHandler = createRequestHandler<'users', EraseApp>({
  'GET /users/{userId}/messages': answerMessages,
  'GET /users/{userId}/connections': answerPresence,
  'DELETE /users/{userId}/connections': answerRevoke,
  'DELETE /users/{userId}/messages/{seq}': answerWithdraw,
  'DELETE /users/{userId}/messages': answerWithdrawById,
  'GET /users/{userId}/inbox': answerInbox,
  'PUT /users/{userId}/read': answerRead,
  'DELETE /users/{userId}': answerErase,
});

async function answerMessages(app: App, event: HttpEvent): Promise<HttpResult> {
  const channel = userChannel(userIn(event));
  return await answerHistory(event, (after, limit) => history(app, channel, after, limit));
}

async function answerPresence(app: App, event: HttpEvent): Promise<HttpResult> {
  const userId = userIn(event);
  const { limit, next: after } = pageIn(event);
  if (after !== undefined && !isToken(after)) throw invalid('next', 'the `next` of the page before');
  return json(200, await presence(app, userId, { limit, after }));
}

async function answerRevoke(app: App, event: HttpEvent): Promise<HttpResult> {
  const userId = userIn(event);
  const { deviceId } = queryOf(event, 'deviceId');
  if (deviceId !== undefined && !isToken(deviceId)) throw invalid('deviceId', TOKEN_RULE);
  return json(200, { closed: await revoke(app, userId, deviceId) });
}

async function answerWithdraw(app: App, event: HttpEvent): Promise<HttpResult> {
  queryOf(event);
  const channel = userChannel(userIn(event));
  const { seq: named } = event.pathParameters ?? {};
  // A seq has one way to be written: `01` is none.
  const seq = /^[1-9]\d*$/.test(named ?? '') ? Number(named) : Number.NaN;
  if (!Number.isSafeInteger(seq)) throw invalid('seq', 'an integer, 1 or more');
  return withdrawn(await withdraw(app, channel, seq), 'seq', 'is kept with this seq');
}

async function answerWithdrawById(app: App, event: HttpEvent): Promise<HttpResult> {
  const channel = userChannel(userIn(event));
  const { id } = queryOf(event, 'id');
  if (!isMessageId(id)) throw invalid('id', MESSAGE_ID_RULE);
  return withdrawn(await withdrawById(app, channel, id), 'id', 'is known by this id');
}

function withdrawn(seqs: number[] | undefined, path: string, missing: string): HttpResult {
  if (seqs === undefined) throw new RequestError('not_found', [{ path, message: `no message ${missing}` }]);
  return json(200, { withdrawn: seqs });
}

/** What a `history` frame answers, of any size. */
async function answerInbox(app: App, event: HttpEvent): Promise<HttpResult> {
  const channel = userChannel(userIn(event));
  const query = queryOf(event, 'before', 'limit');
  const before =
    query.before === undefined ? undefined : integer('before', query.before, 0, Number.MAX_SAFE_INTEGER, 0);
  const limit = integer('limit', query.limit, 1, MAX_INBOX_LIMIT, DEFAULT_INBOX_LIMIT);
  const { event: _event, ...inbox } = await inboxOf(app, channel, await app.log.open(channel), {
    before,
    limit,
  });
  return jsonText(200, encodeHistory(inbox));
}

/** Answers the state as it stands then, changed or not. */
async function answerRead(app: App, event: HttpEvent): Promise<HttpResult> {
  queryOf(event);
  const userId = userIn(event);
  const made = parseWholeMark(jsonBody(event).value);
  if (Array.isArray(made)) throw new RequestError('invalid_request', made);
  const marked = await mark(app, userId, made);
  if ('refused' in marked) throw new RequestError('invalid_request', [faultOfMark(marked)]);
  const { event: _event, ...state } = marked;
  return json(200, state);
}

const faultOfMark = (refusal: Refusal): FieldError =>
  refusal.refused === 'too_many'
    ? { path: 'unread', message: TOO_MANY_SINGLES_RULE }
    : { path: refusal.path, message: `expected a seq up to the head, which is ${refusal.head}` };

/** What is under way when this time is left still has to end, and the answer to go out. */
const ERASE_MARGIN_MS = 8_000;

async function answerErase(app: EraseApp, event: HttpEvent, context: Invocation): Promise<HttpResult> {
  queryOf(event);
  const userId = userIn(event);
  const deadlineAt = app.clock.now() + context.getRemainingTimeInMillis() - ERASE_MARGIN_MS;
  return json(200, await erase(app, userId, deadlineAt));
}
