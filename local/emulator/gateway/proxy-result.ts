/** Reads what a Lambda answered to a proxy integration. API Gateway refuses one key too many, and so do we. */
import { isRecord } from '../../../lambdas/protocol/json.ts';

export interface ProxyResult {
  statusCode: number;
  /** Names in lower case. */
  headers: Record<string, string>;
}

const KEYS = ['statusCode', 'headers', 'multiValueHeaders', 'body', 'isBase64Encoded'];

/** Undefined: a malformed proxy response. */
export function parseProxyResult(value: unknown): ProxyResult | undefined {
  if (!isRecord(value) || !Object.keys(value).every((key) => KEYS.includes(key))) return undefined;
  const { statusCode, headers = {}, multiValueHeaders = {}, body = '', isBase64Encoded = false } = value;
  if (!Number.isInteger(statusCode) || typeof body !== 'string' || typeof isBase64Encoded !== 'boolean') {
    return undefined;
  }
  if (!isRecord(headers) || !Object.values(headers).every(isScalar)) return undefined;
  if (!isRecord(multiValueHeaders) || !Object.values(multiValueHeaders).every(Array.isArray))
    return undefined;
  const all = [...Object.entries(multiValueHeaders), ...Object.entries(headers)];
  return {
    statusCode: statusCode as number,
    headers: Object.fromEntries(all.map(([name, text]) => [name.toLowerCase(), String(text)])),
  };
}

const isScalar = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value);
