/**
 * Publishing, behind four doors: `POST /notifications`, an event on the bus, a direct Invoke, and a
 * client's `publish` frame.
 */
import type { EventBridgeEvent } from 'aws-lambda';
import type { App } from '../domain/app.ts';
import { type PublishAnswer, publish, type Unpublished } from '../domain/publish/publish.ts';
import { receivePublish } from '../domain/publish/publish-frame.ts';
import type { PublishFrame } from '../protocol/client-frame.ts';
import { FrameError, REQUEST_ERRORS, RequestError } from '../protocol/errors.ts';
import type { DialectName } from '../protocol/frames.ts';
import { isRecord } from '../protocol/json.ts';
import { isMessageId, MESSAGE_ID_RULE } from '../protocol/names.ts';
import { parseNotification } from '../protocol/notification.ts';
import { dialectOf } from '../wire/dialect.ts';
import { type Invocation, NOT_A_ROUTE, type ProxyResult, senderOf, type WebSocketEvent } from './events.ts';
import { type HttpEvent, type HttpResult, json, jsonBody, problem, queryOf, refusal } from './http.ts';

type BusEvent = EventBridgeEvent<'Notification', unknown>;

export const createNotifyHandler =
  (app: App) =>
  async (event: unknown, { awsRequestId }: Invocation) => {
    if (isFrame(event)) return await takeFrame(app, event);
    if (isHttp(event)) return await answerHttp(app, event);
    try {
      if (isBusEvent(event)) return await takeFromBus(app, event);
      return await answerInvoke(app, event, awsRequestId);
    } catch (error) {
      throw withoutData(error);
    }
  };

/**
 * Lambda writes what is thrown into the log, and a validator may quote the data that it refuses, or
 * name its keys.
 */
function withoutData(error: unknown): unknown {
  if (!(error instanceof RequestError) || error.code !== 'invalid_request') return error;
  const others = error.errors.filter(({ path }) => !/^data\b/.test(path));
  if (others.length === error.errors.length) return error;
  return new RequestError(error.code, [...others, { path: 'data', message: 'does not fit its type' }]);
}

const isFrame = (event: unknown): event is WebSocketEvent =>
  isRecord(event) && isRecord(event.requestContext) && 'connectionId' in event.requestContext;

/** The WebSocket route `publish`. */
async function takeFrame(app: App, { requestContext, body = '' }: WebSocketEvent): Promise<ProxyResult> {
  // No text of STOMP leads here, and no frame of ours may go there.
  if (requestContext.authorizer.stomp) return NOT_A_ROUTE;
  const sender = senderOf(requestContext);
  await receivePublish(app, sender, publishFrameIn(body, sender.dialect));
  return { statusCode: 200 };
}

function publishFrameIn(text: string, dialect: DialectName): PublishFrame | FrameError {
  try {
    return dialectOf(dialect).parsePublish(text);
  } catch (error) {
    if (error instanceof FrameError) return error;
    throw error;
  }
}

const isHttp = (event: unknown): event is HttpEvent =>
  isRecord(event) && isRecord(event.requestContext) && 'http' in event.requestContext;

const isBusEvent = (event: unknown): event is BusEvent =>
  isRecord(event) && typeof event['detail-type'] === 'string' && 'detail' in event;

async function answerHttp(app: App, event: HttpEvent): Promise<HttpResult> {
  try {
    queryOf(event);
    const { value, text } = jsonBody(event);
    return httpResult(await publish(app, { ...parseNotification(value, event.headers), text }));
  } catch (error) {
    if (error instanceof RequestError) return refusal(error);
    throw error;
  }
}

/** Where nothing was published, one fault that may pass makes the whole request worth repeating. */
function httpResult(answer: PublishAnswer): HttpResult {
  const faults = failures(answer);
  if (faults.length < answer.results.length) return json(200, answer);
  const conflicts = faults.filter(({ error }) => !error.retryable);
  const errors = conflicts.map(({ error }) => ({ path: 'id', message: error.message }));
  const passing = faults.find(({ error }) => error.retryable);
  if (passing) return problem(503, 'Service Unavailable', passing.error.message, { errors, ...answer });
  const { status, title } = REQUEST_ERRORS.idempotency_conflict;
  return problem(status, title, errors[0]?.message ?? '', { errors, ...answer });
}

/**
 * Nobody reads an answer: any fault makes the invocation fail, so that it is repeated, and at last
 * kept as a dead letter.
 */
async function takeFromBus(app: App, { id, detail }: BusEvent): Promise<void> {
  const notification = parseNotification(detail);
  const answer = await publish(app, { ...notification, id: notification.id ?? eventId(id) });
  throwIfAny(failures(answer));
}

/**
 * EventBridge gives every event a UUID; whoever invokes us with an event of their own may give
 * anything.
 */
function eventId(id: unknown): string {
  if (isMessageId(id)) return id;
  throw new RequestError('invalid_request', [{ path: 'id', message: `expected ${MESSAGE_ID_RULE}` }]);
}

/**
 * The caller reads the answer, unless it invoked asynchronously; when nothing was published the
 * invocation fails.
 */
async function answerInvoke(app: App, event: unknown, requestId: string): Promise<PublishAnswer> {
  const notification = parseNotification(event);
  const answer = await publish(app, { ...notification, id: notification.id ?? requestId });
  const faults = failures(answer);
  if (faults.length === answer.results.length) throwIfAny(faults);
  return answer;
}

const failures = ({ results }: PublishAnswer): Unpublished[] =>
  results.filter((result): result is Unpublished => 'error' in result);

function throwIfAny(faults: Unpublished[]): void {
  if (faults.length === 0) return;
  throw new Error(
    faults
      .map(({ userId, channel, error }) => `${userId ?? channel}: ${error.code}: ${error.message}`)
      .join('; '),
  );
}
