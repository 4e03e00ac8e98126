/** HTTPS requests signed for AWS (Signature Version 4) with the usual credentials; to this machine they go unsigned. */
import { createHash, createHmac } from 'node:crypto';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { SignatureV4 } from '@smithy/signature-v4';

export interface HttpAnswer {
  status: number;
  body: string;
}

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

/** `url`: of the HTTPS API. Rejects when the server cannot be reached or there are no credentials. */
export async function postJson(url: URL, body: string): Promise<HttpAnswer> {
  const plain = { 'content-type': 'application/json' };
  const headers = LOOPBACK.includes(url.hostname) ? plain : await signed(url, body, plain);
  const response = await fetch(url, { method: 'POST', headers, body }).catch((error: Error) => {
    throw new Error(`${url.origin} cannot be reached: ${causeOf(error)}`);
  });
  return { status: response.status, body: await response.text() };
}

/** The Region stands in the host name of an API: https://<id>.execute-api.<region>.amazonaws.com */
async function signed(
  url: URL,
  body: string,
  headers: Record<string, string>,
): Promise<Record<string, string>> {
  const region = url.hostname.split('.').at(-3) ?? '';
  const signer = new SignatureV4({
    service: 'execute-api',
    region: process.env.AWS_REGION || region,
    credentials: defaultProvider(),
    sha256: Sha256,
  });
  const request = await signer.sign({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    headers: { ...headers, host: url.host },
    body,
  });
  return request.headers;
}

/** Node's SHA-256 in the shape the signer wants. */
class Sha256 {
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
