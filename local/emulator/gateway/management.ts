/** The `@connections` requests: post to a connection, ask about it, close it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../../../lambdas/domain/ports/logger.ts';
import { AwsError, answer, answerAwsError, answerJson, readBody, unescaped } from '../http.ts';
import { isGatewayId } from '../ids.ts';
import type { OpenConnection } from './connection.ts';
import { type Faults, MAX_MESSAGE_BYTES, STAGE } from './settings.ts';

/** SDKs send the `@` as it is, the documentation escapes it. */
const PATH = new RegExp(`^/${STAGE}/(?:@|%40)connections/([^/?]+)(?:\\?|$)`);

export const isManagement = (url: string): boolean => /^\/[^/]+\/(?:@|%40)connections\//.test(url);

export interface ConnectionsView {
  find(connectionId: string): OpenConnection | undefined;
  faults: Faults;
  logger: Logger;
  logDeliveries: boolean;
}

export async function answerManagement(
  view: ConnectionsView,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    await manage(view, request, response);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    answerAwsError(response, error);
  }
}

async function manage(
  view: ConnectionsView,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // The body first: a connection may go while it arrives.
  const body = await readBody(request, MAX_MESSAGE_BYTES);
  const connectionId = parsePath(request.url ?? '');
  switch (request.method) {
    case 'POST':
      post(view, connectionId, body);
      return answer(response, 200);
    case 'GET':
      return answerJson(response, 200, about(open(view, connectionId)));
    case 'DELETE':
      open(view, connectionId).close(1000, 'Connection Closed Normally');
      return answer(response, 204);
    default:
      throw new AwsError(403, 'ForbiddenException', 'Forbidden');
  }
}

function post(view: ConnectionsView, connectionId: string, body: Buffer | undefined): void {
  if (!body) throw new AwsError(413, 'PayloadTooLargeException', 'Message too long');
  const connection = open(view, connectionId);
  if (view.faults.throttlePosts || connection.send(body) === 'full') {
    throw new AwsError(429, 'LimitExceededException', 'Rate exceeded');
  }
  if (view.logDeliveries) view.logger.info('delivered', { ...toWhom(connection), ...summary(body) });
  if (view.faults.goneAfterDelivery) throw gone();
}

const toWhom = ({ client: { authorizer, connectionId } }: OpenConnection) => ({
  userId: authorizer?.userId,
  deviceId: authorizer?.deviceId ?? connectionId,
});

/** What a reader of the log wants to know of a frame. */
function summary(body: Buffer): Record<string, unknown> {
  try {
    const { event, type, seq, through, messages } = JSON.parse(body.toString('utf8'));
    return { frame: event, type, seq, through, messages: messages?.length, bytes: body.length };
  } catch {
    return { bytes: body.length };
  }
}

function parsePath(url: string): string {
  const escaped = PATH.exec(url)?.[1];
  if (escaped === undefined) throw new AwsError(403, 'ForbiddenException', 'Forbidden');
  const connectionId = unescaped(escaped);
  if (isGatewayId(connectionId)) return connectionId;
  throw new AwsError(400, 'BadRequestException', `Invalid connectionId: ${escaped}`);
}

function open(view: ConnectionsView, connectionId: string): OpenConnection {
  const connection = view.find(connectionId);
  if (!connection) throw gone();
  return connection;
}

const gone = (): AwsError => new AwsError(410, 'GoneException', 'Gone');

/** Dates as text: the SDK cannot read numbers here. */
const about = ({ client, lastActiveAt }: OpenConnection) => ({
  connectedAt: new Date(client.connectedAt).toISOString(),
  lastActiveAt: new Date(lastActiveAt).toISOString(),
  identity: { sourceIp: client.sourceIp, userAgent: client.userAgent ?? '' },
});
