/**
 * Calls of a service of AWS that takes and gives JSON, signed: a `POST` with the operation in a
 * header.
 */
import { serviceUrl } from './endpoint.ts';
import { createSender, type HttpAnswer, originOf, type Timeouts } from './http.ts';
import { type Access, createSigner } from './signature.ts';

export interface JsonServiceOptions {
  /** As in its host name and in the signature. */
  service: string;
  /** What stands before an operation's name in the `x-amz-target` header. */
  api: string;
  contentType: 'application/x-amz-json-1.0' | 'application/x-amz-json-1.1';
  /** Undefined: where AWS has it. */
  endpoint: string | undefined;
  readAccess: () => Access;
  timeouts: Timeouts;
}

/** Rejects when there is no answer. */
export type CallJson = (operation: string, body: string) => Promise<HttpAnswer>;

export function createJsonService(options: JsonServiceOptions): CallJson {
  const { service, api, contentType, endpoint, readAccess, timeouts } = options;
  const sign = createSigner(service, readAccess, Date.now);
  const send = createSender(timeouts);
  let server: ReturnType<typeof originOf> | undefined;

  return async (operation, body) => {
    server ??= originOf(endpoint ?? serviceUrl(service, readAccess().region));
    const target = `${api}.${operation}`;
    const { host, pathname: path } = server;
    const headers = sign({ method: 'POST', host, path, body, contentType, target });
    return await send({ origin: server, method: 'POST', path, headers, body });
  };
}
