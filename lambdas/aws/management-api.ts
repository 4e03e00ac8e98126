/** API Gateway's `@connections`: sends a frame to one connection, or closes it. */
import { createSender, type HttpAnswer, originOf, type Timeouts } from './http.ts';
import { type Access, createSigner, type Signable } from './signature.ts';

/** A connection and the stage of the API it belongs to, such as `https://abc123.execute-api.eu-west-1.amazonaws.com/prod`. */
export interface ConnectionAddress {
  connectionId: string;
  endpoint: string;
}

/** Each resolves with whatever the service answers, a refusal too, and rejects when there is no answer. */
export interface ManagementApi {
  post(connection: ConnectionAddress, frame: string): Promise<HttpAnswer>;
  close(connection: ConnectionAddress): Promise<HttpAnswer>;
}

export interface ManagementApiOptions {
  readAccess: () => Access;
  /** Where the requests go instead of to a connection's own endpoint, whose path they keep. */
  override?: string | undefined;
  timeouts?: Timeouts;
}

/** A connection that hangs must not hold up the others. */
export const TIMEOUTS: Timeouts = { connectMs: 1000, requestMs: 5000 };

/** As the SDK sends it; it is the body that becomes the frame. */
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

/** `https://api.example/prod` with the override `http://localhost:4566/aws` is `http://localhost:4566/aws/prod`. */
export const ledElsewhere = (endpoint: string, override: string | undefined): string =>
  override === undefined ? endpoint : override.replace(/\/$/, '') + new URL(endpoint).pathname;

function stageAt(endpoint: string) {
  const { host, pathname, ...origin } = originOf(endpoint);
  return { origin, host, connections: `${pathname.replace(/\/$/, '')}/@connections/` };
}
