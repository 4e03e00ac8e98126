/** The environment of the Lambdas on the local stack. Nothing in it lets a call reach a real AWS account. */
import type { TableNames } from '../../lambdas/adapters/dynamodb/tables.ts';
import type { AppVar, StompVar } from '../../lambdas/env.ts';
import { DEFAULT_RETENTION_SECONDS } from '../../lambdas/protocol/limits.ts';
import { type AppSettings, settingsVars } from './app-settings.ts';
import { STAGE } from './gateway/settings.ts';
import { REGION } from './lambdas.ts';
import { queueUrl } from './queue/queues.ts';
import { BUS } from './services/event-bus.ts';
import { secretArn } from './services/json-services.ts';

export const TABLE_NAMES: TableNames = {
  connections: 'herald-connections',
  devices: 'herald-devices',
  messages: 'herald-messages',
  publishes: 'herald-publishes',
  subscriptions: 'herald-subscriptions',
  members: 'herald-members',
  cursors: 'herald-cursors',
  outbox: 'herald-outbox',
  presence: 'herald-presence',
};

export const JWT_SECRET_NAME = 'herald-jwt-secret';

const DEFAULT_MAX_CONNECTIONS_PER_USER = 10;
const DEFAULT_MAX_DEVICES_PER_USER = 1000;
const DEFAULT_FRAME_RATE = 10;
const DEFAULT_MAX_SUBSCRIPTIONS = 100;
const DEFAULT_FAN_OUT_PAGE = 256;
/** Half of what one machine can post a second, as the default on AWS is half of what an account can. */
const DEFAULT_FAN_OUT_RATE = 2000;
const DEFAULT_OFFLINE_AFTER_SECONDS = 30;

const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };

type LambdaVars = Record<AppVar | StompVar | 'JWT_SECRET_ARN', string>;

/** `httpUrl`: where API Gateway, Secrets Manager and the other services are; `dynamodbUrl`: where the tables are. */
export function lambdaEnvironment(
  httpUrl: string,
  dynamodbUrl: string,
  settings: AppSettings = {},
): Record<string, string> {
  const vars: LambdaVars = {
    CONNECTIONS_TABLE: TABLE_NAMES.connections,
    DEVICES_TABLE: TABLE_NAMES.devices,
    MESSAGES_TABLE: TABLE_NAMES.messages,
    PUBLISHES_TABLE: TABLE_NAMES.publishes,
    SUBSCRIPTIONS_TABLE: TABLE_NAMES.subscriptions,
    MEMBERS_TABLE: TABLE_NAMES.members,
    CURSORS_TABLE: TABLE_NAMES.cursors,
    OUTBOX_TABLE: TABLE_NAMES.outbox,
    PRESENCE_TABLE: TABLE_NAMES.presence,
    RECONCILE_QUEUE_URL: queueUrl(httpUrl, 'reconcile'),
    FAN_OUT_QUEUE_URL: queueUrl(httpUrl, 'fan-out'),
    OUTBOX_QUEUE_URL: queueUrl(httpUrl, 'outbox'),
    LATER_QUEUE_URL: queueUrl(httpUrl, 'later'),
    OUTBOX_DEAD_LETTERS_URL: queueUrl(httpUrl, 'FailedOutboxRows'),
    EVENT_BUS_NAME: BUS,
    CALLBACK_URL: `${httpUrl}/${STAGE}`,
    MAX_CONNECTIONS_PER_USER:
      process.env.HERALD_MAX_CONNECTIONS_PER_USER || String(DEFAULT_MAX_CONNECTIONS_PER_USER),
    MAX_DEVICES_PER_USER: String(DEFAULT_MAX_DEVICES_PER_USER),
    FRAME_RATE: process.env.HERALD_FRAME_RATE || String(DEFAULT_FRAME_RATE),
    MAX_SUBSCRIPTIONS: String(DEFAULT_MAX_SUBSCRIPTIONS),
    EVERYONE: 'true',
    OPEN_TOPICS: '',
    FAN_OUT_PAGE: String(DEFAULT_FAN_OUT_PAGE),
    FAN_OUT_RATE: process.env.HERALD_FAN_OUT_RATE || String(DEFAULT_FAN_OUT_RATE),
    APP_MESSAGES: 'false',
    EVENTS: 'false',
    OFFLINE_AFTER_SECONDS: String(DEFAULT_OFFLINE_AFTER_SECONDS),
    STOMP: 'false',
    MAX_PENDING_PER_ADDRESS: process.env.HERALD_MAX_PENDING_PER_ADDRESS || '20',
    MAX_PENDING: process.env.HERALD_MAX_PENDING || '1000',
    DEFAULT_RETENTION_SECONDS: String(DEFAULT_RETENTION_SECONDS),
    CLOSED_TYPES: 'false',
    LOG_SAMPLING: '100',
    JWT_SECRET_ARN: settings.jwksUrl === undefined ? secretArn(JWT_SECRET_NAME) : '',
  };
  return { ...vars, ...settingsVars(settings), ...serviceEnvironment(httpUrl, dynamodbUrl) };
}

/** The part of it that Lambda would give, and where the services are. */
export const serviceEnvironment = (httpUrl: string, dynamodbUrl: string): Record<string, string> => ({
  ...CREDENTIALS,
  AWS_REGION: REGION,
  AWS_DEFAULT_REGION: REGION,
  AWS_ENDPOINT_URL: httpUrl,
  AWS_ENDPOINT_URL_DYNAMODB: dynamodbUrl,
});
