/** The handler modules read their environment as they load: import this one before them. */
import { TABLE_NAMES } from '../dynamodb/client.ts';

export const CALLBACK_URL = 'https://gateway.simulated/stage';

Object.assign(process.env, {
  AWS_REGION: 'eu-central-1',
  CONNECTIONS_TABLE: TABLE_NAMES.connections,
  DEVICES_TABLE: TABLE_NAMES.devices,
  MESSAGES_TABLE: TABLE_NAMES.messages,
  PUBLISHES_TABLE: TABLE_NAMES.publishes,
  CALLBACK_URL,
  MAX_CONNECTIONS_PER_USER: '10',
  DEFAULT_RETENTION_SECONDS: '604800',
  CLOSED_TYPES: 'false',
  JWT_SECRET_ARN: 'arn:aws:secretsmanager:simulated',
});
