/** Answers of the HTTPS requests: JSON, and problems by RFC 9457. */
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { REQUEST_ERRORS, RequestError } from '../protocol/errors.ts';

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

/** Throws a {@link RequestError}. */
export function jsonBody({ body = '', isBase64Encoded }: HttpEvent): unknown {
  try {
    return JSON.parse(isBase64Encoded ? Buffer.from(body, 'base64').toString('utf8') : body);
  } catch {
    throw new RequestError('invalid_request', [{ path: '', message: 'the body is not JSON' }]);
  }
}
