/** Requests about topics: their members, their history, who hears them now. */

import { mapConcurrently } from '../concurrency.ts';
import type { App } from '../domain/app.ts';
import { join, leave } from '../domain/channel/members.ts';
import { asError, Busy } from '../domain/errors.ts';
import { EVERYONE, type Member, topicChannel } from '../domain/model.ts';
import { history } from '../domain/operate.ts';
import { ALL_SUBSCRIBERS } from '../domain/ports/subscription-store.ts';
import { type Channel, isTopic, TOPIC_RULE } from '../protocol/channel.ts';
import { type FieldError, firstFew, RequestError, unknownNames } from '../protocol/errors.ts';
import { isRecord } from '../protocol/json.ts';
import { MAX_MEMBERS_AT_ONCE } from '../protocol/limits.ts';
import { isUserId, USER_ID_RULE } from '../protocol/names.ts';
import { type HttpEvent, type HttpResult, json, jsonBody, queryOf } from './http.ts';
import { answerHistory, createRequestHandler, invalid, pageIn, userIn } from './requests.ts';

const CONCURRENT_MEMBERS = 10;

export const createTopicsHandler = createRequestHandler<'topics'>({
  'PUT /topics/{topic}/members/{userId}': answerJoin,
  'DELETE /topics/{topic}/members/{userId}': answerLeave,
  'POST /topics/{topic}/members': answerChanges,
  'GET /topics/{topic}/members': answerMembers,
  'GET /users/{userId}/topics': answerTopics,
  'GET /topics/{topic}/messages': (app, event) => answerMessages(app, topicChannel(topicIn(event)), event),
  'GET /everyone/messages': (app, event) => answerMessages(app, EVERYONE, event),
  'GET /topics/{topic}/connections': answerConnections,
});

function topicIn({ pathParameters }: HttpEvent): string {
  const topic = pathParameters?.topic;
  if (isTopic(topic)) return topic;
  throw invalid('topic', TOPIC_RULE);
}

async function answerJoin(app: App, event: HttpEvent): Promise<HttpResult> {
  queryOf(event);
  return json(200, toldOf(await join(app, topicIn(event), userIn(event))));
}

const toldOf = ({ topic, userId, joinedAt, joined }: Member) => ({
  topic,
  userId,
  joinedAt,
  joinedSeq: joined.seq,
});

async function answerLeave(app: App, event: HttpEvent): Promise<HttpResult> {
  queryOf(event);
  await leave(app, topicIn(event), userIn(event));
  return { statusCode: 204 };
}

type Change = { userId: string; added: true } | { userId: string; removed: true } | Failed;
interface Failed {
  userId: string;
  error: { code: string; message: string; retryable: boolean };
}

/** A user who fails does not hold up the others. */
async function answerChanges(app: App, event: HttpEvent): Promise<HttpResult> {
  queryOf(event);
  const topic = topicIn(event);
  const { add, remove } = changesIn(jsonBody(event).value);
  const added = await mapConcurrently(add, CONCURRENT_MEMBERS, (userId) =>
    attempt(app, userId, async () => {
      await join(app, topic, userId);
      return { userId, added: true };
    }),
  );
  const removed = await mapConcurrently(remove, CONCURRENT_MEMBERS, (userId) =>
    attempt(app, userId, async () => {
      await leave(app, topic, userId);
      return { userId, removed: true };
    }),
  );
  return json(200, { results: [...added, ...removed] });
}

async function attempt(app: App, userId: string, change: () => Promise<Change>): Promise<Change> {
  try {
    return await change();
  } catch (error) {
    if (error instanceof RequestError)
      return { userId, error: { code: error.code, message: error.message, retryable: false } };
    app.logger.error('membership failed', { userId, error: asError(error) });
    const code = error instanceof Busy ? 'busy' : 'internal';
    return {
      userId,
      error: { code, message: 'The membership may not have changed. Try again.', retryable: true },
    };
  }
}

const CHANGES = ['add', 'remove'];

/** Users to add and to remove, each once. Throws a {@link RequestError}. */
function changesIn(body: unknown): { add: string[]; remove: string[] } {
  if (!isRecord(body)) throw invalid('', '{"add": […], "remove": […]}');
  const faults: FieldError[] = firstFew('', unknownNames('field', Object.keys(body), CHANGES));
  const [add, remove] = [usersIn('add', body.add, faults), usersIn('remove', body.remove, faults)];
  const both = add.find((userId) => remove.includes(userId));
  if (both !== undefined) faults.push({ path: 'remove', message: `names "${both}", whom add names, too` });
  const count = add.length + remove.length;
  if (faults.length === 0 && (count === 0 || count > MAX_MEMBERS_AT_ONCE))
    faults.push({ path: '', message: `expected 1 to ${MAX_MEMBERS_AT_ONCE} users in all` });
  if (faults.length > 0) throw new RequestError('invalid_request', faults);
  return { add, remove };
}

function usersIn(path: string, list: unknown, faults: FieldError[]): string[] {
  if (list === undefined) return [];
  if (!Array.isArray(list)) {
    faults.push({ path, message: 'expected a list of user ids' });
    return [];
  }
  const wrong = list.flatMap((userId, index) =>
    isUserId(userId) ? [] : [{ path: `${path}[${index}]`, message: `expected ${USER_ID_RULE}` }],
  );
  faults.push(...firstFew(path, wrong));
  return [...new Set(list.filter(isUserId))];
}

async function answerMembers(app: App, event: HttpEvent): Promise<HttpResult> {
  const topic = topicIn(event);
  const { limit, next: after } = pageIn(event);
  if (after !== undefined && !isUserId(after)) throw invalid('next', 'the `next` of the page before');
  const { members, next } = await app.members.page(topic, limit, after);
  return json(200, {
    members: members.map(({ userId, joinedAt }) => ({ userId, joinedAt })),
    ...(next !== undefined && { next }),
  });
}

async function answerTopics(app: App, event: HttpEvent): Promise<HttpResult> {
  queryOf(event);
  const members = await app.members.topicsOf(userIn(event));
  return json(200, { topics: members.map(({ topic, joinedAt }) => ({ topic, joinedAt })) });
}

const answerMessages = (app: App, channel: Channel, event: HttpEvent): Promise<HttpResult> =>
  answerHistory(event, (after, limit) => history(app, channel, after, limit));

/** Where a page begins: a subscriber's key, which is nobody else's business, as base64url. */
const CURSOR = /^[\w-]{1,400}$/;

/** Throws a {@link RequestError} for what is no subscriber's key: a query from there would fail. */
function subscriberIn(next: string): string {
  const key = CURSOR.test(next) ? Buffer.from(next, 'base64url').toString() : '';
  const { from, to } = ALL_SUBSCRIBERS;
  if (key < from || key > to) throw invalid('next', 'the `next` of the page before');
  return key;
}

async function answerConnections(app: App, event: HttpEvent): Promise<HttpResult> {
  const channel = topicChannel(topicIn(event));
  const { limit, next } = pageIn(event);
  const from = next === undefined ? ALL_SUBSCRIBERS.from : subscriberIn(next);
  const page = await app.subscriptions.page(channel, { ...ALL_SUBSCRIBERS, from }, limit);
  return json(200, {
    connections: page.subscriptions.map(({ userId, deviceId = null, connectedAt }) => ({
      userId,
      deviceId,
      connectedAt,
    })),
    ...(page.next !== undefined && { next: Buffer.from(page.next).toString('base64url') }),
  });
}
