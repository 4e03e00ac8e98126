/** `@connections` by the client of the SDK. */
import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { type HttpAnswer, isReset } from '../http.ts';
import {
  type ConnectionAddress,
  ledElsewhere,
  type ManagementApi,
  type ManagementApiOptions,
  TIMEOUTS,
} from '../management-api.ts';
import { configOf } from './config.ts';

type Send = (client: ApiGatewayManagementApiClient) => Promise<unknown>;

export function createManagementApi({
  readAccess,
  override,
  timeouts = TIMEOUTS,
}: ManagementApiOptions): ManagementApi {
  const clientAt = (endpoint: string, keepAlive: boolean) =>
    new ApiGatewayManagementApiClient({
      ...configOf({ readAccess, timeouts, keepAlive }),
      endpoint: ledElsewhere(endpoint, override),
      maxAttempts: 1, // the domain decides whether a refused post is tried again
    });
  const stages = new Map<string, Record<'keeping' | 'fresh', ApiGatewayManagementApiClient>>();

  const request = async ({ endpoint }: ConnectionAddress, send: Send): Promise<HttpAnswer> => {
    const stage = stages.get(endpoint) ?? {
      keeping: clientAt(endpoint, true),
      fresh: clientAt(endpoint, false),
    };
    stages.set(endpoint, stage);
    try {
      return await answerTo(send(stage.keeping));
    } catch (error) {
      if (!isReset(error)) throw error;
      return await answerTo(send(stage.fresh));
    }
  };

  return {
    post: (connection, frame) => {
      const command = { ConnectionId: connection.connectionId, Data: frame };
      return request(connection, (client) => client.send(new PostToConnectionCommand(command)));
    },
    close: (connection) => {
      const command = { ConnectionId: connection.connectionId };
      return request(connection, (client) => client.send(new DeleteConnectionCommand(command)));
    },
  };
}

interface SdkError extends Error {
  $metadata?: { httpStatusCode?: number };
}

/** Resolves with a refusal too; rejects when there is no answer. */
async function answerTo(sent: Promise<unknown>): Promise<HttpAnswer> {
  try {
    await sent;
    return { status: 200, errorType: undefined, body: '' };
  } catch (error) {
    const { name, message, $metadata } = error as SdkError;
    const status = $metadata?.httpStatusCode;
    if (status === undefined) throw error;
    return { status, errorType: name, body: message };
  }
}
