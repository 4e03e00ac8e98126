/** What the HTTP parts of the local stack share: bounded bodies, JSON answers, and errors as the AWS SDKs read them. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Undefined: the body is larger. It is read to its end all the same, since a client may not look for an answer before. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
  let chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
    else chunks = [];
  });
  request.on('end', () => resolve(size > maxBytes ? undefined : Buffer.concat(chunks)));
  request.on('error', reject);
  return promise;
}

export function answer(
  response: ServerResponse,
  status: number,
  headers: Record<string, string | string[]> = {},
  body: string | Buffer = '',
): void {
  response.writeHead(status, {
    ...headers,
    ...(status === 204 ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  });
  response.end(body);
}

export const answerJson = (
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void =>
  answer(response, status, { 'content-type': 'application/json', ...headers }, JSON.stringify(value));

/** Part of a path. What cannot be decoded names nothing, and is refused as such. */
export function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/** An error as a service of AWS tells it. */
export class AwsError extends Error {
  override readonly name = 'AwsError';
  readonly status: number;
  readonly type: string;

  constructor(status: number, type: string, message: string) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

/** SDKs name the error by the header; without it they call it `Unknown`. */
export const answerAwsError = (response: ServerResponse, { status, type, message }: AwsError): void =>
  answerJson(
    response,
    status,
    { __type: type, message },
    { 'x-amzn-errortype': type, 'x-amzn-requestid': randomUUID() },
  );
