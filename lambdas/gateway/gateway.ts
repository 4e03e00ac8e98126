/** Posts frames to connections through API Gateway's `@connections`, and closes them. */
import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import type { Gateway, Logger, PostOutcome } from '../domain/ports.ts';

export interface Timeouts {
  connectMs: number;
  /** A connection that hangs must not hold up the others. */
  requestMs: number;
}

const TIMEOUTS: Timeouts = { connectMs: 1000, requestMs: 5000 };

/** The far end had closed the kept-alive socket, as happens while a Lambda is frozen: a fresh one may do. */
const RESETS = ['ECONNRESET', 'EPIPE'];

export function createGateway(logger: Logger, timeouts: Timeouts = TIMEOUTS): Gateway {
  const clients = new Map<string, ApiGatewayManagementApiClient>();

  const clientOf = (endpoint: string) => {
    const client = clients.get(endpoint) ?? createClient(endpoint, timeouts);
    clients.set(endpoint, client);
    return client;
  };

  const attempt = async (
    action: 'post' | 'close',
    connectionId: string,
    send: () => Promise<unknown>,
  ): Promise<PostOutcome> => {
    try {
      await send().catch((error) => (isReset(error) ? send() : Promise.reject(error)));
      return 'sent';
    } catch (error) {
      const outcome = outcomeOf(error);
      if (outcome === 'failed') {
        logger.warn('The gateway refused', {
          action,
          connectionId,
          status: statusOf(error),
          error: asError(error),
        });
      }
      return outcome;
    }
  };

  return {
    post: ({ connectionId, endpoint }, frame) =>
      attempt('post', connectionId, () =>
        clientOf(endpoint).send(new PostToConnectionCommand({ ConnectionId: connectionId, Data: frame })),
      ),
    close: ({ connectionId, endpoint }) =>
      attempt('close', connectionId, () =>
        clientOf(endpoint).send(new DeleteConnectionCommand({ ConnectionId: connectionId })),
      ),
  };
}

/**
 * No retries of its own: the SDK would wait a second after each 429, which is for the domain to decide.
 * Without `throwOnRequestTimeout` it would only log that a request takes too long.
 */
const createClient = (endpoint: string, { connectMs, requestMs }: Timeouts) =>
  new ApiGatewayManagementApiClient({
    endpoint,
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: connectMs,
      requestTimeout: requestMs,
      throwOnRequestTimeout: true,
      socketTimeout: requestMs,
    },
  });

/** By status and by name: a 410 without `x-amzn-ErrorType` has no name, an error with a body that is no JSON another one. */
function outcomeOf(error: unknown): PostOutcome {
  const { name } = asError(error);
  const status = statusOf(error);
  if (status === 410 || name === 'GoneException') return 'gone';
  if (status === 429 || name === 'LimitExceededException') return 'throttled';
  return 'failed';
}

const statusOf = (error: unknown): number | undefined =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;

const isReset = (error: unknown): boolean => RESETS.includes((error as NodeJS.ErrnoException).code ?? '');

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
