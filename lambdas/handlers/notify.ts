/** Publishing, behind three doors: `POST /notifications`, an event on the bus, a direct Invoke. */
import type { EventBridgeEvent } from 'aws-lambda';
import type { App } from '../domain/app.ts';
import { type PublishAnswer, publish, type Unpublished } from '../domain/publish/publish.ts';
import { REQUEST_ERRORS, RequestError } from '../protocol/errors.ts';
import { parseNotification } from '../protocol/notification.ts';
import type { Invocation } from './events.ts';
import { type HttpEvent, type HttpResult, json, jsonBody, problem, refusal } from './http.ts';

type BusEvent = EventBridgeEvent<'Notification', unknown>;

export const createNotifyHandler =
  (app: App) =>
  async (event: unknown, { awsRequestId }: Invocation) => {
    if (isHttp(event)) return await answerHttp(app, event);
    try {
      if (isBusEvent(event)) return await takeFromBus(app, event);
      return await answerInvoke(app, event, awsRequestId);
    } catch (error) {
      throw withoutData(error);
    }
  };

/** Lambda writes what is thrown into the log, and a validator may quote the data that it refuses, or name its keys. */
function withoutData(error: unknown): unknown {
  if (!(error instanceof RequestError) || error.code !== 'invalid_request') return error;
  const others = error.errors.filter(({ path }) => !/^data\b/.test(path));
  if (others.length === error.errors.length) return error;
  return new RequestError(error.code, [...others, { path: 'data', message: 'does not fit its type' }]);
}

const isHttp = (event: unknown): event is HttpEvent =>
  isRecord(event) && isRecord(event.requestContext) && 'http' in event.requestContext;

const isBusEvent = (event: unknown): event is BusEvent =>
  isRecord(event) && typeof event['detail-type'] === 'string' && 'detail' in event;

async function answerHttp(app: App, event: HttpEvent): Promise<HttpResult> {
  try {
    const answer = await publish(app, parseNotification(jsonBody(event), event.headers));
    return httpResult(answer);
  } catch (error) {
    if (error instanceof RequestError) return refusal(error);
    throw error;
  }
}

function httpResult(answer: PublishAnswer): HttpResult {
  const faults = failures(answer);
  if (faults.length < answer.results.length) return json(200, answer);
  const detail = faults[0]?.error.message ?? '';
  if (faults.every(({ error }) => error.retryable))
    return problem(503, 'Service Unavailable', detail, { ...answer });
  if (faults.every(({ error }) => !error.retryable)) {
    const { status, title } = REQUEST_ERRORS.idempotency_conflict;
    const errors = faults.map(({ error }) => ({ path: 'id', message: error.message }));
    return problem(status, title, detail, { errors, ...answer });
  }
  return json(200, answer);
}

/** Nobody reads an answer: any fault makes the invocation fail, so that it is repeated, and at last kept as a dead letter. */
async function takeFromBus(app: App, { id, detail }: BusEvent): Promise<void> {
  const notification = parseNotification(detail);
  const answer = await publish(app, { ...notification, id: notification.id ?? id });
  throwIfAny(failures(answer));
}

/** The caller reads the answer, unless it invoked asynchronously; when nothing was published the invocation fails. */
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
  throw new Error(faults.map(({ userId, error }) => `${userId}: ${error.code}: ${error.message}`).join('; '));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
