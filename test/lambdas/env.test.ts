/** A setting that is missing or wrong stops a Lambda at its start, by its name. */
import { describe, expect, it } from 'vitest';
import { type AppVar, readAccess, readAuthEnv, readEnv } from '../../lambdas/env.ts';

/** All that must be set; `OPEN_TOPICS` may be empty. */
const good: Record<Exclude<AppVar, 'OPEN_TOPICS'>, string> = {
  CONNECTIONS_TABLE: 'Connections',
  DEVICES_TABLE: 'Devices',
  MESSAGES_TABLE: 'Messages',
  PUBLISHES_TABLE: 'Publishes',
  SUBSCRIPTIONS_TABLE: 'Subscriptions',
  MEMBERS_TABLE: 'Members',
  CURSORS_TABLE: 'Cursors',
  OUTBOX_TABLE: 'Outbox',
  PRESENCE_TABLE: 'Presence',
  RECONCILE_QUEUE_URL: 'https://sqs.us-east-1.amazonaws.com/123456789012/reconcile',
  FAN_OUT_QUEUE_URL: 'https://sqs.us-east-1.amazonaws.com/123456789012/fan-out',
  OUTBOX_QUEUE_URL: 'https://sqs.us-east-1.amazonaws.com/123456789012/outbox',
  LATER_QUEUE_URL: 'https://sqs.us-east-1.amazonaws.com/123456789012/later',
  OUTBOX_DEAD_LETTERS_URL: 'https://sqs.us-east-1.amazonaws.com/123456789012/failed',
  EVENT_BUS_NAME: 'herald',
  CALLBACK_URL: 'https://abc123.execute-api.us-east-1.amazonaws.com/prod',
  MAX_CONNECTIONS_PER_USER: '10',
  MAX_DEVICES_PER_USER: '1000',
  FRAME_RATE: '20',
  MAX_SUBSCRIPTIONS: '100',
  EVERYONE: 'true',
  FAN_OUT_PAGE: '256',
  FAN_OUT_RATE: '5000',
  APP_MESSAGES: 'false',
  EVENTS: 'false',
  OFFLINE_AFTER_SECONDS: '30',
  DEFAULT_RETENTION_SECONDS: '604800',
  CLOSED_TYPES: 'true',
  LOG_SAMPLING: '10',
};

describe('the settings of the app', () => {
  it('are read', () => {
    expect(readEnv(good)).toEqual({
      tables: {
        connections: 'Connections',
        devices: 'Devices',
        messages: 'Messages',
        publishes: 'Publishes',
        subscriptions: 'Subscriptions',
        members: 'Members',
        cursors: 'Cursors',
        outbox: 'Outbox',
        presence: 'Presence',
      },
      reconcileQueue: { queueUrl: good.RECONCILE_QUEUE_URL, endpoint: undefined },
      fanOutQueue: { queueUrl: good.FAN_OUT_QUEUE_URL, endpoint: undefined },
      outboxQueue: { queueUrl: good.OUTBOX_QUEUE_URL, endpoint: undefined },
      laterQueue: { queueUrl: good.LATER_QUEUE_URL, endpoint: undefined },
      outboxDeadLetters: { queueUrl: good.OUTBOX_DEAD_LETTERS_URL, endpoint: undefined },
      eventBus: { busName: 'herald', endpoint: undefined },
      settings: {
        callbackUrl: good.CALLBACK_URL,
        maxConnectionsPerUser: 10,
        maxDevicesPerUser: 1000,
        frameRate: 20,
        maxSubscriptions: 100,
        everyone: true,
        openTopics: [],
        fanOutPage: 256,
        fanOutRate: 5000,
        appMessages: false,
        events: false,
        offlineAfterSeconds: 30,
        defaultRetentionSeconds: 604_800,
        closedTypes: true,
        logSampling: 10,
      },
      log: { level: 'info' },
    });
    expect(readEnv({ ...good, CLOSED_TYPES: 'false' }).settings.closedTypes).toBe(false);
  });

  it('may open topics to every user', () => {
    const open = (OPEN_TOPICS: string) => readEnv({ ...good, OPEN_TOPICS }).settings.openTopics;
    expect(open('news,orders.*')).toEqual(['news', 'orders.*']);
    expect(open('')).toEqual([]);
  });

  it('may lead queues and the bus elsewhere, each by its own variable', () => {
    const vars = {
      ...good,
      AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
      AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:2',
      AWS_ENDPOINT_URL_EVENTBRIDGE: 'http://127.0.0.1:3',
    };
    const { reconcileQueue, fanOutQueue, eventBus, dynamodbEndpoint } = readEnv(vars);
    expect([reconcileQueue, fanOutQueue, eventBus].map(({ endpoint }) => endpoint)).toEqual([
      'http://127.0.0.1:2',
      'http://127.0.0.1:2',
      'http://127.0.0.1:3',
    ]);
    expect(dynamodbEndpoint).toBe('http://127.0.0.1:1');
  });

  it('may lead posts to connections elsewhere, but not by the variable for all services', () => {
    const AWS_ENDPOINT_URL = 'http://127.0.0.1:1';
    const own = { AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI: 'http://127.0.0.1:2' };
    expect(readEnv({ ...good, AWS_ENDPOINT_URL }).callbackOverride).toBeUndefined();
    expect(readEnv({ ...good, AWS_ENDPOINT_URL, ...own }).callbackOverride).toBe('http://127.0.0.1:2');
    expect(() => readEnv({ ...good, AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI: 'nowhere' })).toThrow(
      'AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI is "nowhere"',
    );
  });

  it.each(Object.keys(good))('do not lack %s, nor have it empty', (name) => {
    expect(() => readEnv({ ...good, [name]: undefined })).toThrow(`${name} is not set`);
    expect(() => readEnv({ ...good, [name]: '' })).toThrow(`${name} is not set`);
  });

  it.each([
    ['MAX_CONNECTIONS_PER_USER', '0', 'an integer from 1 to 10000'],
    ['MAX_CONNECTIONS_PER_USER', '10001', 'an integer from 1 to 10000'],
    ['MAX_CONNECTIONS_PER_USER', '2.5', 'an integer from 1 to 10000'],
    ['MAX_CONNECTIONS_PER_USER', 'ten', 'an integer from 1 to 10000'],
    ['MAX_CONNECTIONS_PER_USER', ' ', 'an integer from 1 to 10000'],
    ['MAX_DEVICES_PER_USER', '0', 'an integer from 1 to 10000'],
    ['MAX_DEVICES_PER_USER', '10001', 'an integer from 1 to 10000'],
    ['FRAME_RATE', '0', 'an integer from 1 to 1000'],
    ['FRAME_RATE', '1001', 'an integer from 1 to 1000'],
    ['MAX_SUBSCRIPTIONS', '0', 'an integer from 1 to 100'],
    ['MAX_SUBSCRIPTIONS', '101', 'an integer from 1 to 100'],
    ['FAN_OUT_PAGE', '0', 'an integer from 1 to 1000'],
    ['FAN_OUT_PAGE', '1001', 'an integer from 1 to 1000'],
    ['FAN_OUT_RATE', '0', 'an integer from 1 to 100000'],
    ['FAN_OUT_RATE', '100001', 'an integer from 1 to 100000'],
    ['EVERYONE', 'on', 'true or false'],
    ['APP_MESSAGES', '1', 'true or false'],
    ['FAN_OUT_QUEUE_URL', 'fan-out', 'an http or https URL'],
    ['DEFAULT_RETENTION_SECONDS', '59', 'an integer from 60 to 31536000'],
    ['DEFAULT_RETENTION_SECONDS', '31536001', 'an integer from 60 to 31536000'],
    ['DEFAULT_RETENTION_SECONDS', 'Infinity', 'an integer from 60 to 31536000'],
    ['CLOSED_TYPES', 'yes', 'true or false'],
    ['CLOSED_TYPES', 'TRUE', 'true or false'],
    ['CALLBACK_URL', 'abc123.execute-api.us-east-1.amazonaws.com/prod', 'an http or https URL'],
    ['CALLBACK_URL', 'wss://abc123.execute-api.us-east-1.amazonaws.com/prod', 'an http or https URL'],
    ['CALLBACK_URL', 'localhost:8787/local', 'an http or https URL'],
    ['RECONCILE_QUEUE_URL', 'reconcile', 'an http or https URL'],
    ['RECONCILE_QUEUE_URL', 'arn:aws:sqs:us-east-1:123456789012:reconcile', 'an http or https URL'],
  ])('do not say %s is %j', (name, value, expected) => {
    expect(() => readEnv({ ...good, [name]: value })).toThrow(`${name} is "${value}", expected ${expected}`);
  });
});

describe('the settings of the authorizer', () => {
  it('are a secret or the URL of public keys, and nothing else is needed', () => {
    const rest = {
      issuer: undefined,
      audience: undefined,
      maxLifetimeSeconds: undefined,
      permissionsClaim: undefined,
      allowedOrigins: undefined,
      log: { level: 'info' },
    };
    const here = { keys: { secretArn: 'arn', endpoint: undefined }, ...rest };
    expect(readAuthEnv({ JWT_SECRET_ARN: 'arn' })).toEqual(here);
    const jwksUrl = 'https://issuer.example/.well-known/jwks.json';
    expect(readAuthEnv({ JWKS_URL: jwksUrl })).toEqual({ keys: { jwksUrl }, ...rest });
    expect(readAuthEnv({ JWKS_URL: jwksUrl, JWT_SECRET_ARN: '' })).toEqual({ keys: { jwksUrl }, ...rest });
  });

  it('may restrict issuer, audience and origins', () => {
    const vars = {
      JWT_SECRET_ARN: 'arn',
      JWT_ISSUER: 'i',
      JWT_AUDIENCE: 'a',
      ALLOWED_ORIGINS: 'https://a.example,https://b.example',
    };
    expect(readAuthEnv(vars)).toMatchObject({
      issuer: 'i',
      audience: 'a',
      allowedOrigins: ['https://a.example', 'https://b.example'],
    });
  });

  it('may name the claim that holds the permissions', () => {
    const read = (PERMISSIONS_CLAIM: string) => readAuthEnv({ JWT_SECRET_ARN: 'arn', PERMISSIONS_CLAIM });
    expect(read('https://example.com/herald').permissionsClaim).toBe('https://example.com/herald');
    expect(read('').permissionsClaim).toBeUndefined();
  });

  it('may restrict the lifetime of tokens, from a minute to a year', () => {
    const read = (seconds: string) =>
      readAuthEnv({ JWT_SECRET_ARN: 'arn', MAX_TOKEN_LIFETIME_SECONDS: seconds }).maxLifetimeSeconds;
    expect([read(''), read('60'), read('31536000')]).toEqual([undefined, 60, 31_536_000]);
    for (const seconds of ['59', '31536001', '1h', '0']) {
      expect(() => read(seconds)).toThrow(`MAX_TOKEN_LIFETIME_SECONDS is "${seconds}", expected an integer`);
    }
  });

  it('restrict nothing when they are empty', () => {
    const vars = { JWT_SECRET_ARN: 'arn', JWT_ISSUER: '', JWT_AUDIENCE: '', ALLOWED_ORIGINS: '' };
    expect(readAuthEnv(vars)).toMatchObject({
      issuer: undefined,
      audience: undefined,
      allowedOrigins: undefined,
    });
  });

  it.each([{}, { JWT_SECRET_ARN: '' }, { JWT_SECRET_ARN: 'arn', JWKS_URL: 'https://issuer.example' }])(
    'are not both or none: %j',
    (vars) => expect(() => readAuthEnv(vars)).toThrow(/JWT_SECRET_ARN.*JWKS_URL/),
  );

  it.each(['issuer.example/keys', 'file:///etc/keys.json', '/keys'])(
    'do not take the keys from %j',
    (url) => {
      expect(() => readAuthEnv({ JWKS_URL: url })).toThrow(
        `JWKS_URL is "${url}", expected an http or https URL`,
      );
    },
  );
});

describe('where the secrets are', () => {
  const endpointWith = (vars: Record<string, string>) => {
    const { keys } = readAuthEnv({ JWT_SECRET_ARN: 'arn', ...vars });
    return 'endpoint' in keys ? keys.endpoint : 'no secret';
  };

  it('is told by its own variable, else by the one for all services', () => {
    const all = { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' };
    expect(endpointWith(all)).toBe('http://127.0.0.1:1');
    const own = { AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://127.0.0.1:2' };
    expect(endpointWith({ ...all, ...own })).toBe('http://127.0.0.1:2');
  });

  it.each(['AWS_USE_FIPS_ENDPOINT', 'AWS_USE_DUALSTACK_ENDPOINT'])('is told outright with %s', (name) => {
    expect(() => endpointWith({ [name]: 'true' })).toThrow(
      `${name} is "true": set AWS_ENDPOINT_URL_SECRETS_MANAGER to that endpoint instead`,
    );
    expect(() => readEnv({ ...good, [name]: 'true' })).toThrow(`set AWS_ENDPOINT_URL_DYNAMODB`);
    const own = { AWS_ENDPOINT_URL_SECRETS_MANAGER: 'https://secretsmanager-fips.us-east-1.amazonaws.com' };
    expect(endpointWith({ [name]: 'true', ...own })).toBe(own.AWS_ENDPOINT_URL_SECRETS_MANAGER);
  });

  it('is a URL or nothing', () => {
    expect(() => endpointWith({ AWS_ENDPOINT_URL: 'nowhere' })).toThrow('AWS_ENDPOINT_URL is "nowhere"');
  });
});

describe('the access to AWS', () => {
  const access = { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'A', AWS_SECRET_ACCESS_KEY: 'S' };
  const read = { region: 'eu-west-1', accessKeyId: 'A', secretAccessKey: 'S' };

  it('is read, with a session or without', () => {
    expect(readAccess(access)).toEqual({ ...read, sessionToken: undefined });
    expect(readAccess({ ...access, AWS_SESSION_TOKEN: '' })).toEqual({ ...read, sessionToken: undefined });
    expect(readAccess({ ...access, AWS_SESSION_TOKEN: 'T' })).toEqual({ ...read, sessionToken: 'T' });
  });

  it.each(Object.keys(access))('does not lack %s', (name) => {
    expect(() => readAccess({ ...access, [name]: undefined })).toThrow(`${name} is not set`);
  });
});

describe('the name of the backend', () => {
  it('may be left out, where its metrics need not be told from others', () => {
    const auth = { JWKS_URL: 'https://id.example/keys' };
    expect(readAuthEnv(auth).log.backend).toBeUndefined();
    expect(readAuthEnv({ ...auth, BACKEND_NAME: '' }).log.backend).toBeUndefined();
    expect(readAuthEnv({ ...auth, BACKEND_NAME: 'Herald-1' }).log.backend).toBe('Herald-1');
  });
});

describe('what is logged', () => {
  const auth = { JWKS_URL: 'https://id.example/keys' };

  it('is everything, unless it is set', () => {
    expect(readAuthEnv(auth).log.level).toBe('info');
    expect(readAuthEnv({ ...auth, LOG_LEVEL: 'error' }).log.level).toBe('error');
  });

  it('is a level that there is', () => {
    expect(() => readAuthEnv({ ...auth, LOG_LEVEL: 'trace' })).toThrow(
      'LOG_LEVEL is "trace", expected debug, info, warn, error',
    );
  });
});
