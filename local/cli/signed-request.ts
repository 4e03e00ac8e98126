/** HTTPS requests signed for AWS (Signature Version 4) with the usual credentials; to this machine they go unsigned. */
import { createHash, createHmac } from 'node:crypto';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { SignatureV4 } from '@smithy/signature-v4';

export interface HttpRequest {
  method: string;
  /** Of the HTTPS API. */
  url: URL;
  headers?: Record<string, string>;
  body?: string | undefined;
}

export interface HttpAnswer {
  status: number;
  /** Its content type. */
  type: string | null;
  body: string;
}

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

export const isLoopback = ({ hostname }: URL): boolean => LOOPBACK.includes(hostname);

const DEFAULT_REGION = 'us-east-1';

/** The Region stands in the host name of an API, `<id>.execute-api.<region>.amazonaws.com`, unless it has a domain of its own. */
export const regionOf = ({ hostname }: URL): string =>
  /\.execute-api\.([a-z0-9-]+)\./.exec(hostname)?.[1] ??
  (process.env.AWS_REGION || process.env.AWS_DEFAULT_REGION || DEFAULT_REGION);

/** Rejects when the server cannot be reached or there are no credentials. */
export async function send(request: HttpRequest): Promise<HttpAnswer> {
  const { method, url, body, headers = {} } = request;
  const sent = isLoopback(url) ? headers : await signed(request);
  const response = await fetch(url, { method, headers: sent, ...(body !== undefined && { body }) }).catch(
    (error: Error) => {
      throw new Error(`${url.origin} cannot be reached: ${causeOf(error)}`);
    },
  );
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: await response.text(),
  };
}

const signed = (request: HttpRequest): Promise<Record<string, string>> =>
  signedHeaders(request, defaultProvider()).catch((cause: Error) => {
    throw new Error(`a request to ${request.url.origin} cannot be signed: ${cause.message}`, { cause });
  });

export const postJson = (url: URL, body: string): Promise<HttpAnswer> =>
  send({ method: 'POST', url, headers: { 'content-type': 'application/json' }, body });

type Credentials = ConstructorParameters<typeof SignatureV4>[0]['credentials'];

/** All but `host`, which every client adds. */
export async function signedHeaders(
  { method, url, headers = {}, body }: HttpRequest,
  credentials: Credentials,
): Promise<Record<string, string>> {
  const signer = new SignatureV4({
    service: 'execute-api',
    region: regionOf(url),
    credentials,
    sha256: Sha256,
  });
  const signed = await signer.sign({
    method,
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: { ...headers, host: url.host },
    body,
  });
  const { host, ...others } = signed.headers;
  return others;
}

/** Node's SHA-256 in the shape the signer wants. */
export class Sha256 {
  readonly #hash;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(chunk: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(chunk));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error('a hash is used once');
  }
}

const bytesOf = (data: string | ArrayBuffer | ArrayBufferView): Uint8Array =>
  typeof data === 'string'
    ? Buffer.from(data)
    : ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);

const causeOf = (error: Error): string =>
  error.cause instanceof Error ? error.cause.message : error.message;
