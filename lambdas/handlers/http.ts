/** Answers of the HTTPS requests: JSON, and problems by RFC 9457. */
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { firstFew, REQUEST_ERRORS, RequestError, unknownNames } from '../protocol/errors.ts';

export type HttpEvent = Pick<
  APIGatewayProxyEventV2,
  'routeKey' | 'headers' | 'pathParameters' | 'queryStringParameters' | 'body' | 'isBase64Encoded'
>;
export type HttpResult = APIGatewayProxyStructuredResultV2;

export const json = (statusCode: number, value: unknown): HttpResult =>
  jsonText(statusCode, JSON.stringify(value));

export const jsonText = (statusCode: number, body: string): HttpResult => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body,
});

/** `extension`: further members, as the RFC allows. */
export const problem = (
  status: number,
  title: string,
  detail: string,
  extension: Record<string, unknown> = {},
): HttpResult => ({
  statusCode: status,
  headers: { 'content-type': 'application/problem+json' },
  body: JSON.stringify({ type: 'about:blank', title, status, detail, ...extension }),
});

export const refusal = ({ code, message, errors }: RequestError): HttpResult => {
  const { status, title } = REQUEST_ERRORS[code];
  return problem(status, title, message, { errors });
};

/** The body as text, and the value it stands for. Throws a {@link RequestError}. */
export function jsonBody({ body = '', isBase64Encoded }: HttpEvent): { text: string; value: unknown } {
  const text = isBase64Encoded ? utf8Text(Buffer.from(body, 'base64')) : body;
  try {
    return { text, value: JSON.parse(text) };
  } catch {
    throw new RequestError('invalid_request', [{ path: '', message: 'the body is not JSON' }]);
  }
}

function utf8Text(bytes: Buffer): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new RequestError('invalid_request', [{ path: '', message: 'the body is not UTF-8' }]);
  }
}

/** A byte order mark stays, and is no JSON. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The query's parameters; none but those `expected`, so that a misspelt one is not ignored:
 * `?deviceid=phone` would cut all devices. Throws a {@link RequestError}.
 */
export function queryOf<Name extends string>(
  { queryStringParameters: query = {} }: HttpEvent,
  ...expected: Name[]
): Partial<Record<Name, string>> {
  const unknown = firstFew('', unknownNames('parameter', Object.keys(query), expected));
  if (unknown.length > 0) throw new RequestError('invalid_request', unknown);
  return query as Partial<Record<Name, string>>;
}
