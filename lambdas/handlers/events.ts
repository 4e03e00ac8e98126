/**
 * The events the Lambdas receive and answer, as the services send them. `@types/aws-lambda` lacks
 * the headers, the authorizer context and the close fields of WebSocket events.
 */
import type { Context } from 'aws-lambda';
import type { NewConnection } from '../domain/connection/open.ts';
import type { Sender } from '../domain/session/admit.ts';
import type { StompSender } from '../domain/stomp/connect.ts';
import { ACK_MODES, DEFAULT_DIALECT, DIALECT_NAMES } from '../protocol/frames.ts';
import { parsePermissions } from '../protocol/permissions.ts';
import type { HandshakeRequest } from '../wire/handshake.ts';

/** What the authorizer tells the other routes. API Gateway turns every value into a string. */
export interface AuthorizerContext {
  userId: string;
  /** Absent: an anonymous device. */
  deviceId?: string;
  ackMode: string;
  /** `1`: the device's older connection stays until this one is ready. */
  handover?: string;
  /** Epoch milliseconds, in decimal. */
  tokenExpiresAt: string;
  /** What the token lets its user do: its claim, as JSON. Absent: it has none. */
  permissions?: string;
  /** The sub-protocol to answer, if one was offered. */
  subprotocol?: string;
  /** `1`: a client of STOMP, whose `CONNECT` says who it is; without a token, `userId` is empty. */
  stomp?: string;
  /**
   * What is wrong with the device id, the ack mode or the permissions: an authorizer cannot answer
   * 400, `$connect` can.
   */
  badRequest?: string;
}

export interface AuthorizerEvent extends HandshakeRequest {
  type: 'REQUEST';
  methodArn: string;
}

export interface AuthorizerResult {
  principalId: string;
  policyDocument: {
    Version: '2012-10-17';
    Statement: [{ Action: 'execute-api:Invoke'; Effect: 'Allow' | 'Deny'; Resource: string }];
  };
  context: AuthorizerContext;
}

export interface WebSocketEvent {
  requestContext: {
    eventType: 'CONNECT' | 'MESSAGE' | 'DISCONNECT';
    connectionId: string;
    connectedAt: number;
    /** When the frame, or the handshake, reached the gateway. */
    requestTimeEpoch: number;
    identity?: { sourceIp?: string };
    authorizer: AuthorizerContext;
  };
  /** The text frame; on MESSAGE only. */
  body?: string;
}

/** What an invocation is told about itself, beside its event. */
export type Invocation = Pick<Context, 'awsRequestId' | 'getRemainingTimeInMillis'>;

/** Only these keys: another one, `null` or `undefined` makes API Gateway answer 502. */
export interface ProxyResult {
  statusCode: number;
  headers?: Record<string, string>;
  body?: string;
}

/**
 * Whether a client's frame led here. AWS does not say whether it takes a frame
 * `{"action":"$connect"}` to that route. There it would bring back the row of a connection that was
 * dismissed; at `$disconnect` it would hide an open one from whoever dismisses it.
 */
export const isClientFrame = ({ eventType }: WebSocketEvent['requestContext']): boolean =>
  eventType === 'MESSAGE';

/** The IP address that a client came from. */
export const addressOf = ({ identity }: WebSocketEvent['requestContext']): string =>
  identity?.sourceIp ?? 'unknown';

export const NOT_A_ROUTE: ProxyResult = { statusCode: 400 };

/** Who sends the event: from the authorizer's context and nothing else. */
export const identify = ({
  connectionId,
  connectedAt,
  authorizer: { userId, deviceId, ackMode, handover, tokenExpiresAt, subprotocol },
}: WebSocketEvent['requestContext']): NewConnection => ({
  userId,
  connectionId,
  deviceId,
  dialect: DIALECT_NAMES.find((name) => name === subprotocol) ?? DEFAULT_DIALECT,
  ackMode: ACK_MODES.find((mode) => mode === ackMode) ?? 'auto',
  handover: handover === '1',
  connectedAt,
  tokenExpiresAt: Number(tokenExpiresAt),
});

/** The same, with what the token lets its user do. */
export const senderOf = (context: WebSocketEvent['requestContext']): Sender => ({
  ...identify(context),
  permissions: parsePermissions(
    context.authorizer.permissions === undefined ? undefined : JSON.parse(context.authorizer.permissions),
  ),
});

/** Who sends frames of STOMP, as far as the handshake tells. */
export const stompSenderOf = (context: WebSocketEvent['requestContext']): StompSender => {
  const { connectionId, connectedAt, authorizer } = context;
  const { userId, tokenExpiresAt, permissions, deviceId } = authorizer;
  const identity = {
    userId,
    tokenExpiresAt: Number(tokenExpiresAt),
    permissions: permissions === undefined ? undefined : JSON.parse(permissions),
  };
  return {
    connectionId,
    connectedAt,
    address: addressOf(context),
    identity: userId === '' ? undefined : identity,
    deviceId,
  };
};
