/** The operator's requests about a user: history, presence, revoke. */
import type { App } from '../domain/app.ts';
import { userChannel } from '../domain/model.ts';
import { history, presence, revoke } from '../domain/operate.ts';
import { isToken, TOKEN_RULE } from '../protocol/names.ts';
import { type HttpEvent, type HttpResult, json, queryOf } from './http.ts';
import { answerHistory, createRequestHandler, invalid, pageIn, userIn } from './requests.ts';

export const createUsersHandler = createRequestHandler<'users'>({
  'GET /users/{userId}/messages': answerMessages,
  'GET /users/{userId}/connections': answerPresence,
  'DELETE /users/{userId}/connections': answerRevoke,
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
