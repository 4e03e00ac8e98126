/** The Lambda as it is deployed: reads the VAPID keys once, from the secret. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createPush, type VapidKeys } from './push.ts';

const { SUBSCRIPTIONS_TABLE = '', VAPID_SECRET_ARN = '' } = process.env;

const { SecretString = '' } = await new SecretsManagerClient().send(
  new GetSecretValueCommand({ SecretId: VAPID_SECRET_ARN }),
);
const vapid = JSON.parse(SecretString) as VapidKeys;

export const handler = createPush({
  dynamodb: DynamoDBDocumentClient.from(new DynamoDBClient()),
  tableName: SUBSCRIPTIONS_TABLE,
  vapid,
});
