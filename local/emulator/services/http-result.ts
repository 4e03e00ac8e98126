/** Reads what a Lambda answered to an HTTP API, payload format 2.0. */
import { isRecord } from '../../../lambdas/protocol/json.ts';

export interface HttpResult {
  statusCode: number;
  headers: Record<string, string | string[]>;
  body: Buffer;
}

/** Without a `statusCode` the whole result is the body of a 200. Undefined: a malformed one. */
export function parseHttpResult(value: unknown): HttpResult | undefined {
  if (!isRecord(value) || value.statusCode === undefined) {
    const body = typeof value === 'string' ? value : JSON.stringify(value);
    return { statusCode: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(body) };
  }
  const { statusCode, headers = {}, cookies = [], body = '', isBase64Encoded = false } = value;
  if (!isStatus(statusCode) || !isRecord(headers) || typeof body !== 'string' || !Array.isArray(cookies)) {
    return undefined;
  }
  const named = Object.entries(headers).map(([name, text]) => [name.toLowerCase(), String(text)]);
  return {
    statusCode,
    headers: {
      'content-type': 'text/plain;charset=UTF-8',
      ...Object.fromEntries(named.filter(([name]) => name !== 'content-length')),
      ...(cookies.length > 0 && { 'set-cookie': cookies.map(String) }),
    },
    body: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
  };
}

const isStatus = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 200 && value < 600;
