/** How large API Gateway lets the URL and the headers of a request be. */
import type { IncomingMessage } from 'node:http';

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html */
export const MAX_WEBSOCKET_URL_CHARACTERS = 4096;

/** The request line and the values of all headers: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html */
export const MAX_HEADER_BYTES = 10_240;

/** The status that refuses a request whose headers are too large. */
export function headersProblem({ method, url, httpVersion, rawHeaders }: IncomingMessage): 431 | undefined {
  const values = rawHeaders.filter((_, at) => at % 2 === 1);
  const requestLine = `${method} ${url} HTTP/${httpVersion}`;
  const bytes = [requestLine, ...values].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return bytes > MAX_HEADER_BYTES ? 431 : undefined;
}

/** The status that refuses a handshake whose URL or headers are too large. */
export function handshakeProblem(request: IncomingMessage): 414 | 431 | undefined {
  const url = `ws://${request.headers.host}${request.url}`;
  return url.length > MAX_WEBSOCKET_URL_CHARACTERS ? 414 : headersProblem(request);
}
