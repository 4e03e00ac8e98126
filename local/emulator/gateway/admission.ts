/** Decides a handshake: first the authorizer, then `$connect`, each with the statuses API Gateway gives its failures. */
import type { IncomingMessage } from 'node:http';
import type { Logger } from '../../../lambdas/domain/ports/logger.ts';
import type { WebSocketRoute } from '../../../lambdas/lambda-spec.ts';
import { LambdaError, type Lambdas, within } from '../lambdas.ts';
import { WEB_SOCKET_ROUTES } from '../routes.ts';
import { authorizerEvent, type ClientInfo, connectEvent, METHOD_ARN } from './events.ts';
import { judge } from './policy.ts';
import { parseProxyResult } from './proxy-result.ts';

export type Admission =
  | { outcome: 'admitted'; client: ClientInfo; subprotocol: string | undefined }
  | { outcome: 'refused'; status: number };

/** The Lambda did not answer while API Gateway waits for it. */
export class IntegrationTimeout extends Error {
  override readonly name = 'IntegrationTimeout';
}

const call = (lambdas: Lambdas, name: string, event: unknown, timeoutMs: number): Promise<unknown> =>
  within(timeoutMs, lambdas.invoke(name, event), () => new IntegrationTimeout(`${name}: no answer in time`));

/** Calls the Lambda that serves a route. */
export async function callIntegration(
  lambdas: Lambdas,
  route: WebSocketRoute,
  event: unknown,
  timeoutMs: number,
): Promise<unknown> {
  const name = WEB_SOCKET_ROUTES.get(route);
  if (name === undefined) throw new Error(`no Lambda serves ${route}`);
  return await call(lambdas, name, event, timeoutMs);
}

export interface Door {
  lambdas: Lambdas;
  logger: Logger;
  timeoutMs: number;
}

export async function admit(door: Door, request: IncomingMessage, client: ClientInfo): Promise<Admission> {
  const authorized = await authorize(door, request, client);
  return 'status' in authorized ? authorized : await connect(door, request, authorized);
}

type Refusal = Extract<Admission, { outcome: 'refused' }>;

const refused = (status: number): Refusal => ({ outcome: 'refused', status });

async function authorize(
  { lambdas, logger, timeoutMs }: Door,
  request: IncomingMessage,
  client: ClientInfo,
): Promise<ClientInfo | Refusal> {
  const startedAt = Date.now();
  try {
    const event = authorizerEvent(request, client);
    const verdict = judge(await call(lambdas, 'authorizer', event, timeoutMs), METHOD_ARN);
    if (verdict.outcome === 'denied') return refused(403);
    if (verdict.outcome === 'allowed') {
      return { ...client, authorizer: { ...verdict.context, integrationLatency: Date.now() - startedAt } };
    }
    logger.error('malformed authorizer result', { problem: verdict.problem });
  } catch (error) {
    // Exactly this text; any other is a fault of the authorizer.
    if (error instanceof LambdaError && error.message === 'Unauthorized') return refused(401);
    logger.error('the authorizer failed', { error: error as Error });
  }
  return refused(500);
}

async function connect(
  { lambdas, logger, timeoutMs }: Door,
  request: IncomingMessage,
  client: ClientInfo,
): Promise<Admission> {
  try {
    const event = connectEvent(request, client);
    const result = parseProxyResult(await callIntegration(lambdas, '$connect', event, timeoutMs));
    if (result && result.statusCode >= 200 && result.statusCode < 300) {
      return { outcome: 'admitted', client, subprotocol: result.headers['sec-websocket-protocol'] };
    }
    if (result) return refused(result.statusCode);
    logger.error('malformed proxy response of $connect');
  } catch (error) {
    logger.error('$connect failed', { error: error as Error });
    if (error instanceof IntegrationTimeout) return refused(504);
  }
  return refused(502);
}
