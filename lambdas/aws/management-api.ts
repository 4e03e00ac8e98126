/**
 * API Gateway's `@connections`: sends a frame to a connection, or closes the connection. The
 * setting `awsClient` chooses, when the Lambdas are bundled, which client does so: `lean/` or
 * `sdk/`.
 */
import type { HttpAnswer, Timeouts } from './http.ts';
import type { Access } from './signature.ts';

/**
 * A connection and the stage of the API it belongs to, such as
 * `https://abc123.execute-api.eu-west-1.amazonaws.com/prod`.
 */
export interface ConnectionAddress {
  connectionId: string;
  endpoint: string;
}

/**
 * Both methods resolve with whatever API Gateway answers, also with a refusal, and reject when
 * there is no answer.
 */
export interface ManagementApi {
  post(connection: ConnectionAddress, frame: string): Promise<HttpAnswer>;
  close(connection: ConnectionAddress): Promise<HttpAnswer>;
}

export interface ManagementApiOptions {
  readAccess: () => Access;
  /** A URL to send requests to in place of a connection's own endpoint, whose path is kept. */
  override?: string | undefined;
  timeouts?: Timeouts;
}

/** Short, so that a connection that hangs does not hold up other connections. */
export const TIMEOUTS: Timeouts = { connectMs: 1000, requestMs: 5000 };

/**
 * `https://api.example/prod` with the override `http://localhost:4566/aws` is
 * `http://localhost:4566/aws/prod`.
 */
export const ledElsewhere = (endpoint: string, override: string | undefined): string =>
  override === undefined ? endpoint : override.replace(/\/$/, '') + new URL(endpoint).pathname;
