/**
 * Signed calls of an AWS service with a JSON API: a `POST` each, with the operation in a header.
 */
import { serviceUrl } from './endpoint.ts';
import { createSender, type HttpAnswer, originOf, type Timeouts } from './http.ts';
import { Refused } from './retry.ts';
import { type Access, createSigner } from './signature.ts';

export interface JsonServiceOptions {
  /** The service's name in its host name and in the signature. */
  service: string;
  /** The prefix of an operation's name in the `x-amz-target` header. */
  api: string;
  contentType: 'application/x-amz-json-1.0' | 'application/x-amz-json-1.1';
  /** Undefined: the regional endpoint of the service. */
  endpoint: string | undefined;
  readAccess: () => Access;
  timeouts: Timeouts;
}

/**
 * The error to throw for an answer that is a fault: {@link Refused} where another try would not
 * help. The message names `service` and quotes the answer, so do not use it for an answer that may
 * hold a secret.
 */
export function faultOf(service: string, { status, errorType = '', body }: HttpAnswer): Error {
  const message = `${service} answered ${status} ${errorType} ${body.slice(0, 300)}`;
  const isPassing = status >= 500 || status === 429 || PASSING.test(`${errorType} ${body}`);
  return isPassing ? new Error(message) : new Refused(message);
}

/** A service names a fault in a header or in the body. */
const PASSING = /Throttl|TooManyRequests|Internal/;

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
