/**
 * Posts frames to connections through API Gateway's `@connections`, closes them, and says what
 * became of it.
 */
import type { HttpAnswer } from '../../aws/http.ts';
import type { ManagementApi } from '../../aws/management-api.ts';
import { asError } from '../../domain/errors.ts';
import type { Gateway, PostOutcome } from '../../domain/ports/gateway.ts';
import type { Logger } from '../../domain/ports/logger.ts';
import type { DialectName, OutgoingFrame } from '../../protocol/frames.ts';
import { dialectOf } from '../../wire/dialect.ts';

/** The text of a frame in a connection's dialect; empty: the dialect has no such frame. */
type Encode = (dialect: DialectName, frame: OutgoingFrame) => string;

export function createGateway(
  logger: Logger,
  api: ManagementApi,
  encode: Encode = (dialect, frame) => dialectOf(dialect).encode(frame),
): Gateway {
  const attempt = async (
    action: 'post' | 'close',
    connectionId: string,
    answered: Promise<HttpAnswer>,
  ): Promise<PostOutcome> => {
    try {
      const answer = await answered;
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
    post: async (connection, frame) => {
      const text = encode(connection.dialect, frame);
      // The dialect has no such frame: there is nothing to tell.
      if (text === '') return 'sent';
      return await attempt('post', connection.connectionId, api.post(connection, text));
    },
    close: (connection) => attempt('close', connection.connectionId, api.close(connection)),
  };
}

function outcomeOf({ status }: HttpAnswer): PostOutcome {
  if (status >= 200 && status < 300) return 'sent';
  if (status === 410) return 'gone';
  if (status === 429) return 'throttled';
  return 'failed';
}
