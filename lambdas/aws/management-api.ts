/**
 * API Gateway's `@connections`: sends a frame to one connection, or closes it. Who carries it out
 * is chosen when the Lambdas are bundled: `lean/` or `sdk/`.
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
 * Each resolves with whatever the service answers, a refusal too, and rejects when there is no
 * answer.
 */
export interface ManagementApi {
  post(connection: ConnectionAddress, frame: string): Promise<HttpAnswer>;
  close(connection: ConnectionAddress): Promise<HttpAnswer>;
}

export interface ManagementApiOptions {
  readAccess: () => Access;
  /** Where the requests go instead of to a connection's own endpoint, whose path they keep. */
  override?: string | undefined;
  timeouts?: Timeouts;
}

/** A connection that hangs must not hold up the others. */
export const TIMEOUTS: Timeouts = { connectMs: 1000, requestMs: 5000 };

/**
 * `https://api.example/prod` with the override `http://localhost:4566/aws` is
 * `http://localhost:4566/aws/prod`.
 */
export const ledElsewhere = (endpoint: string, override: string | undefined): string =>
  override === undefined ? endpoint : override.replace(/\/$/, '') + new URL(endpoint).pathname;
