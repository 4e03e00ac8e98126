/** Posts frames to connections through API Gateway's `@connections`, and closes them. */
import { createSender, originOf } from '../../aws/http.ts';
import type { HttpAnswer } from '../../aws/http-answer.ts';
import type { Timeouts } from '../../aws/http-connections.ts';
import { type Access, createSigner, type Signable } from '../../aws/signature.ts';
import type { Connection, Gateway, Logger, PostOutcome } from '../../domain/ports.ts';

/** A connection that hangs must not hold up the others. */
const TIMEOUTS: Timeouts = { connectMs: 1000, requestMs: 5000 };

/** As the SDK sends it; it is the body that becomes the frame. */
const FRAME_TYPE = 'application/octet-stream';

export function createGateway(
  logger: Logger,
  readAccess: () => Access,
  timeouts: Timeouts = TIMEOUTS,
): Gateway {
  const sign = createSigner('execute-api', readAccess, Date.now);
  const send = createSender(timeouts);
  const stages = new Map<string, ReturnType<typeof stageAt>>();

  const request = (
    { connectionId, endpoint }: Pick<Connection, 'connectionId' | 'endpoint'>,
    what: Pick<Signable, 'method' | 'body' | 'contentType'>,
  ): Promise<HttpAnswer> => {
    const stage = stages.get(endpoint) ?? stageAt(endpoint);
    stages.set(endpoint, stage);
    const { method, body, contentType } = what;
    const path = stage.connections + encodeURIComponent(connectionId);
    const headers = sign({ method, host: stage.host, path, body, contentType });
    return send({ origin: stage.origin, method, path, headers, body });
  };

  const attempt = async (
    action: 'post' | 'close',
    connectionId: string,
    answered: () => Promise<HttpAnswer>,
  ): Promise<PostOutcome> => {
    try {
      const answer = await answered();
      const outcome = outcomeOf(answer);
      if (outcome === 'failed') {
        const { status, errorType, body } = answer;
        logger.warn('The gateway refused', {
          action,
          connectionId,
          status,
          errorType,
          body: body.slice(0, 300),
        });
      }
      return outcome;
    } catch (error) {
      logger.warn('The gateway did not answer', { action, connectionId, error: asError(error) });
      return 'failed';
    }
  };

  return {
    post: (connection, frame) =>
      attempt('post', connection.connectionId, () =>
        request(connection, { method: 'POST', body: frame, contentType: FRAME_TYPE }),
      ),
    close: (connection) =>
      attempt('close', connection.connectionId, () => request(connection, { method: 'DELETE', body: '' })),
  };
}

function stageAt(endpoint: string) {
  const { host, pathname, ...origin } = originOf(endpoint);
  return { origin, host, connections: `${pathname.replace(/\/$/, '')}/@connections/` };
}

function outcomeOf({ status }: HttpAnswer): PostOutcome {
  if (status >= 200 && status < 300) return 'sent';
  if (status === 410) return 'gone';
  if (status === 429) return 'throttled';
  return 'failed';
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
