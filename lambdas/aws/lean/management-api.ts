/**
 * `@connections` with our own signatures: a post takes a seventh of the SDK's CPU.
 */
import { createSender, type HttpAnswer, originOf } from '../http.ts';
import {
  type ConnectionAddress,
  ledElsewhere,
  type ManagementApi,
  type ManagementApiOptions,
  TIMEOUTS,
} from '../management-api.ts';
import { createSigner, type Signable } from '../signature.ts';

/** The type that the SDK sends. The body as a whole becomes the frame. */
const FRAME_TYPE = 'application/octet-stream';

export function createManagementApi(options: ManagementApiOptions): ManagementApi {
  const { readAccess, override, timeouts = TIMEOUTS } = options;
  const sign = createSigner('execute-api', readAccess, Date.now);
  const send = createSender(timeouts);
  const stages = new Map<string, ReturnType<typeof stageAt>>();

  const request = async (
    { connectionId, endpoint }: ConnectionAddress,
    what: Pick<Signable, 'method' | 'body' | 'contentType'>,
  ): Promise<HttpAnswer> => {
    const stage = stages.get(endpoint) ?? stageAt(ledElsewhere(endpoint, override));
    stages.set(endpoint, stage);
    const { method, body, contentType } = what;
    const path = stage.connections + encodeURIComponent(connectionId);
    const headers = sign({ method, host: stage.host, path, body, contentType });
    return await send({ origin: stage.origin, method, path, headers, body });
  };

  return {
    post: (connection, frame) =>
      request(connection, { method: 'POST', body: frame, contentType: FRAME_TYPE }),
    close: (connection) => request(connection, { method: 'DELETE', body: '' }),
  };
}

function stageAt(endpoint: string) {
  const { host, pathname, ...origin } = originOf(endpoint);
  return { origin, host, connections: `${pathname.replace(/\/$/, '')}/@connections/` };
}
