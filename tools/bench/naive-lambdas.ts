/** The same Lambdas as one writes them first, with the clients of the AWS SDK as they come: what a cold start is compared with. */
import {
  ApiGatewayManagementApiClient,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import jwt from 'jsonwebtoken';

interface Event {
  headers?: Record<string, string>;
  requestContext?: { connectionId: string };
}

const userId = 'alice';
const channel = `user:${userId}`;
const { env } = process;

const tables = () => DynamoDBDocumentClient.from(new DynamoDBClient({}));

const post = (connectionId: string, frame: object) =>
  new ApiGatewayManagementApiClient({ endpoint: env.CALLBACK_URL ?? '' }).send(
    new PostToConnectionCommand({ ConnectionId: connectionId, Data: JSON.stringify(frame) }),
  );

const keyOf = ({ requestContext }: Event) => ({ userId, connectionId: requestContext?.connectionId });

export async function authorizer({ headers = {} }: Event) {
  const { SecretString = '' } = await new SecretsManagerClient({}).send(
    new GetSecretValueCommand({ SecretId: env.JWT_SECRET_ARN }),
  );
  return jwt.verify(headers.Authorization?.replace('Bearer ', '') ?? '', SecretString);
}

export const connect = (event: Event) =>
  tables().send(new PutCommand({ TableName: env.CONNECTIONS_TABLE, Item: keyOf(event) }));

export const disconnect = (event: Event) =>
  tables().send(new DeleteCommand({ TableName: env.CONNECTIONS_TABLE, Key: keyOf(event) }));

export async function message(event: Event) {
  const dynamodb = tables();
  await dynamodb.send(new GetCommand({ TableName: env.CONNECTIONS_TABLE, Key: keyOf(event) }));
  await dynamodb.send(
    new UpdateCommand({
      TableName: env.DEVICES_TABLE,
      Key: { userId, deviceId: 'phone' },
      UpdateExpression: 'SET seq = :seq',
      ExpressionAttributeValues: { ':seq': 1 },
    }),
  );
}

export async function notify() {
  const dynamodb = tables();
  const TableName = env.MESSAGES_TABLE;
  await dynamodb.send(new GetCommand({ TableName, Key: { channel, seq: 0 } }));
  const TransactItems = [0, 1].map((seq) => ({ Put: { TableName, Item: { channel, seq } } }));
  await dynamodb.send(new TransactWriteCommand({ TransactItems }));
  await postToAll(dynamodb);
}

export async function reconcile() {
  await postToAll(tables());
}

async function postToAll(dynamodb: DynamoDBDocumentClient): Promise<void> {
  const { Items = [] } = await dynamodb.send(
    new QueryCommand({
      TableName: env.CONNECTIONS_TABLE,
      KeyConditionExpression: 'userId = :userId',
      ExpressionAttributeValues: { ':userId': userId },
    }),
  );
  for (const { connectionId } of Items) await post(connectionId, { event: 'message' });
}
