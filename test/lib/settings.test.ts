/** An impossible setting stops the synthesis at once, with one line that begins with its name. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { describe, expect, it } from 'vitest';
import { LAMBDA_NAMES, ROUTE_KEYS } from '../../lambdas/manifest.ts';
import { bundleMessageTypes } from '../../lib/bundle.ts';
import { readSettings, stackName } from '../../lib/context.ts';
import { refuseMisspelt } from '../../lib/misspelt.ts';
import { NotificationBackend } from '../../lib/notification-backend.ts';
import type { NotificationBackendProps } from '../../lib/props.ts';
import { type AwsClient, InvalidSetting } from '../../lib/settings.ts';
import { createBackend } from './synth.ts';

const certificateOf = (id: string) =>
  Certificate.fromCertificateArn(new Stack(), id, `arn:aws:acm:eu-west-1:123456789012:certificate/${id}`);

/** As it comes from the context of a CDK app. */
const untyped = (value: unknown) => value as never;

const complaint = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof InvalidSetting) return error.message;
    throw error;
  }
  return 'none';
};

describe('the construct refuses', () => {
  const refused: [NotificationBackendProps, string][] = [
    [
      { defaultRetention: Duration.seconds(59) },
      'defaultRetention is 59 s, expected whole seconds from 60 to 31536000',
    ],
    [
      { defaultRetention: Duration.days(366) },
      'defaultRetention is 31622400 s, expected whole seconds from 60 to 31536000',
    ],
    [
      { defaultRetention: Duration.millis(90_500) },
      'defaultRetention is 90.5 s, expected whole seconds from 60 to 31536000',
    ],
    [
      { auth: { maxTokenLifetime: Duration.seconds(59) } },
      'maxTokenLifetime is 59 s, expected whole seconds from 60 to 31536000',
    ],
    [{ maxConnectionsPerUser: 0 }, 'maxConnectionsPerUser is 0, expected an integer from 1 to 10000'],
    [{ maxConnectionsPerUser: 2.5 }, 'maxConnectionsPerUser is 2.5, expected an integer from 1 to 10000'],
    [{ maxDevicesPerUser: 10_001 }, 'maxDevicesPerUser is 10001, expected an integer from 1 to 10000'],
    [{ frameRate: 0 }, 'frameRate is 0, expected an integer from 1 to 1000'],
    [{ frameRate: 1001 }, 'frameRate is 1001, expected an integer from 1 to 1000'],
    [{ maxSubscriptions: 0 }, 'maxSubscriptions is 0, expected an integer from 1 to 100'],
    [{ maxSubscriptions: 101 }, 'maxSubscriptions is 101, expected an integer from 1 to 100'],
    [{ fanOutPage: 1001 }, 'fanOutPage is 1001, expected an integer from 1 to 1000'],
    [{ fanOutRate: 0 }, 'fanOutRate is 0, expected an integer from 1 to 100000'],
    [
      { openTopics: ['news', 'a.*.b'] },
      'openTopics has "a.*.b", expected a topic, or the beginning of one and *: 1 to 128 characters of A-Z a-z 0-9 . _ : -',
    ],
    [
      { openTopics: Array.from({ length: 10 }, () => 'x'.repeat(128)) },
      'openTopics has 1289 characters, expected at most 1024 characters, commas included',
    ],
    [
      { permissionsClaim: 'sub' },
      'permissionsClaim is "sub", expected the name of a claim of your own, 1 to 256 ASCII characters',
    ],
    [{ allowedOrigins: [] }, 'allowedOrigins is empty: leave it out to allow any origin'],
    [
      { allowedOrigins: ['https://app.example/'] },
      'allowedOrigins has "https://app.example/", expected an origin such as https://app.example',
    ],
    [
      { allowedOrigins: ['app.example'] },
      'allowedOrigins has "app.example", expected an origin such as https://app.example',
    ],
    [{ allowedOrigins: ['*'] }, 'allowedOrigins has "*", expected an origin such as https://app.example'],
    [
      { allowedOrigins: ['https://App.example'] },
      'allowedOrigins has "https://App.example", expected an origin such as https://app.example',
    ],
    [
      { allowedOrigins: Array.from({ length: 100 }, (_, index) => `https://app-${index}.example`) },
      'allowedOrigins has 2289 characters, expected at most 2048 characters, commas included',
    ],
    [
      { allowedOrigins: untyped('https://a.example') },
      'allowedOrigins is "https://a.example", expected a list',
    ],
    [{ openTopics: untyped('news') }, 'openTopics is "news", expected a list'],
    [{ defaultRetention: untyped(60) }, 'defaultRetention is 60, expected a Duration'],
    [{ stomp: untyped('false') }, 'stomp is "false", expected true or false'],
    [{ closedTypes: untyped(null) }, 'closedTypes is null, expected true or false'],
    [{ logRetention: 31 as RetentionDays }, 'logRetention is 31, expected one of RetentionDays'],
    [
      { removalPolicy: RemovalPolicy.SNAPSHOT },
      'removalPolicy is SNAPSHOT, which tables do not have: expected RETAIN or DESTROY',
    ],
    [{ auth: { issuer: '' } }, 'issuer is empty, expected what a token has: leave it out to take any'],
    [
      { auth: { jwksUrl: 'https://login.example/jwks', issuer: 'https://login.example', audience: '' } },
      'audience is empty, expected what a token has: leave it out to take any',
    ],
    [
      { auth: { jwksUrl: 'https://me:secret@login.example/jwks', issuer: 'https://login.example' } },
      'jwksUrl has a user or a password, expected none: it is fetched without',
    ],
    [{ awsClient: 'theirs' as AwsClient }, 'awsClient is "theirs", expected lean or sdk'],
    [{ stageName: '$default' }, 'stageName is "$default", expected 1 to 128 of A–Z a–z 0–9 _ -'],
    [{ throttle: { rateLimit: 0 } }, 'throttle.rateLimit is 0, expected an integer from 1 to 1000000'],
    [
      { provisionedConcurrency: { notify: 0 } },
      'provisionedConcurrency.notify is 0, expected an integer from 1 to 1000',
    ],
    [
      { reservedConcurrency: { message: 0 } },
      'reservedConcurrency.message is 0, expected an integer from 1 to 1000',
    ],
    [
      { provisionedConcurrency: { notify: 5 }, reservedConcurrency: { notify: 4 } },
      'provisionedConcurrency.notify is 5, expected an integer from 1 to 4',
    ],
    [
      { routeThrottles: { $default: { burstLimit: 0 } } },
      'routeThrottles.$default.burstLimit is 0, expected an integer from 1 to 1000000',
    ],
    [
      { messageTypes: { entry: './types.ts' } },
      'messageTypes.entry is "./types.ts", expected the absolute path of a file',
    ],
    [
      { webSocketDomain: { domainName: 'wss://push.example.com', certificate: certificateOf('push') } },
      'webSocketDomain is "wss://push.example.com", expected a name such as push.example.com',
    ],
    [
      {
        webSocketDomain: { domainName: 'push.example.com', certificate: certificateOf('one') },
        httpDomain: { domainName: 'push.example.com', certificate: certificateOf('two') },
      },
      'httpDomain is "push.example.com", as webSocketDomain is: API Gateway maps a name to APIs of one kind',
    ],
    [
      { auth: { jwksUrl: 'http://id.example/keys', issuer: 'me' } },
      'jwksUrl is "http://id.example/keys", expected an https URL',
    ],
    [{ auth: { jwksUrl: 'id.example', issuer: 'me' } }, 'jwksUrl is "id.example", expected an https URL'],
    [
      { auth: { jwksUrl: 'https://id.example/keys', issuer: '' } },
      'issuer is not set: with a jwksUrl, only its tokens must open connections',
    ],
  ];
  for (const [props, message] of refused) {
    it(message, () => expect(complaint(() => createBackend(props))).toBe(message));
  }

  it('both a secret and a jwksUrl', () => {
    const { stack } = createBackend();
    const both = { secret: new Secret(stack, 'Secret'), jwksUrl: 'https://id.example/keys', issuer: 'me' };
    // Only a caller without types can get here.
    const act = () => createBackend({ auth: both as unknown as NotificationBackendProps['auth'] & object });
    expect(complaint(act)).toBe('auth has both a secret and a jwksUrl, expected one of them');
  });

  it('a Lambda that does not exist, and a domain without a certificate, from a caller without types', () => {
    const props = { provisionedConcurrency: { publish: 1 } } as unknown as NotificationBackendProps;
    expect(complaint(() => createBackend(props))).toBe(
      `provisionedConcurrency has "publish", expected one of ${LAMBDA_NAMES.join(', ')}`,
    );
    const reserved = { reservedConcurrency: { publish: 1 } } as unknown as NotificationBackendProps;
    expect(complaint(() => createBackend(reserved))).toBe(
      `reservedConcurrency has "publish", expected one of ${LAMBDA_NAMES.join(', ')}`,
    );
    const route = { routeThrottles: { '/users': {} } } as unknown as NotificationBackendProps;
    expect(complaint(() => createBackend(route))).toBe(
      `routeThrottles has "/users", expected one of ${ROUTE_KEYS.join(', ')}`,
    );
    const bare = { httpDomain: { domainName: 'api.example.com' } } as unknown as NotificationBackendProps;
    expect(complaint(() => createBackend(bare))).toBe(
      'httpDomain is "api.example.com" without a certificate for it',
    );
  });

  it('a certificate of another Region', () => {
    const stack = new Stack(new App(), 'Theirs', { env: { region: 'us-east-1' } });
    const webSocketDomain = { domainName: 'push.example.com', certificate: certificateOf('push') };
    expect(complaint(() => new NotificationBackend(stack, 'Push', { webSocketDomain }))).toBe(
      "webSocketDomain has a certificate of eu-west-1, expected one of us-east-1, the stack's Region",
    );
  });

  it('message types that do not compile, or are not exported', () => {
    const folder = mkdtempSync(join(tmpdir(), 'herald-types-'));
    const bundling = (name: string, text: string) => {
      const entry = join(folder, name);
      writeFileSync(entry, text);
      return complaint(() => bundleMessageTypes(entry, folder)).replace(folder, '');
    };
    expect(bundling('broken.ts', 'export const = 1;')).toMatch(
      /^messageTypes\.entry is "\/broken\.ts", which does not compile: .*Expected identifier/,
    );
    expect(bundling('other.ts', 'export const types = {};')).toMatch(
      /^messageTypes\.entry is "\/other\.ts", which exports no "messageTypes"/,
    );
    rmSync(folder, { recursive: true });
  });

  it('nothing at the very limits', () => {
    const limits = { defaultRetention: Duration.days(365), maxConnectionsPerUser: 10_000 };
    expect(complaint(() => createBackend(limits))).toBe('none');
    const least = { defaultRetention: Duration.minutes(1), maxConnectionsPerUser: 1 };
    expect(complaint(() => createBackend({ ...least, allowedOrigins: ['http://localhost:3000'] }))).toBe(
      'none',
    );
  });
});

const ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:jwt-AbCdEf';

describe('the command line refuses', () => {
  const refused: [Record<string, unknown>, string][] = [
    [
      { jwksUrl: 'https://id.example/keys' },
      'issuer is not set: with a jwksUrl, only its tokens must open connections',
    ],
    [
      { jwksUrl: 'https://id.example/keys', issuer: 'me', jwtSecretArn: ARN },
      'auth has both a secret and a jwksUrl, expected one of them',
    ],
    [
      { defaultRetentionSeconds: '59' },
      'defaultRetention is 59 s, expected whole seconds from 60 to 31536000',
    ],
    [
      { maxTokenLifetimeSeconds: '31536001' },
      'maxTokenLifetime is 31536001 s, expected whole seconds from 60 to 31536000',
    ],
    [{ maxTokenLifetimeSeconds: '1h' }, 'maxTokenLifetimeSeconds is "1h", expected an integer'],
    [{ defaultRetentionSeconds: '7d' }, 'defaultRetentionSeconds is "7d", expected an integer'],
    [{ maxConnectionsPerUser: '-1' }, 'maxConnectionsPerUser is "-1", expected an integer'],
    [
      { allowedOrigins: 'https://a.example, https://b.example' },
      'allowedOrigins has " https://b.example", expected an origin such as https://app.example',
    ],
    [
      { openTopics: 'news, chat' },
      'openTopics has " chat", expected a topic, or the beginning of one and *: 1 to 128 characters of A-Z a-z 0-9 . _ : -',
    ],
    [{ everyone: 'no' }, 'everyone is "no", expected true or false'],
    [{ fanOutPage: '0' }, 'fanOutPage is 0, expected an integer from 1 to 1000'],
    [{ awsClient: 'theirs' }, 'awsClient is "theirs", expected lean or sdk'],
    [{ closedTypes: 'yes' }, 'closedTypes is "yes", expected true or false'],
    [{ removalPolicy: 'snapshot' }, 'removalPolicy is "snapshot", expected retain or destroy'],
    [
      { logRetentionDays: '8' },
      'logRetentionDays is "8", expected a number of days CloudWatch knows, such as 7, 30, 90 or 365',
    ],
    [
      { jwtSecretArn: 'jwt' },
      'jwtSecretArn is "jwt", expected the complete ARN of a secret, its six random characters included',
    ],
    [{ alarmTopicArn: 'on-call' }, 'alarmTopicArn is "on-call", expected the ARN of an SNS topic'],
    [
      { eventBusName: 'arn:aws:events:a:1:b' },
      'eventBusName is "arn:aws:events:a:1:b", expected the name of an event bus, not its ARN',
    ],
    [
      { encryptionKeyArn: 'alias/mine' },
      'encryptionKeyArn is "alias/mine", expected the ARN of a KMS key, not of an alias',
    ],
    [
      { webSocketDomain: 'push.example.com' },
      'webSocketCertificateArn is not set: webSocketDomain "push.example.com" needs a certificate',
    ],
    [{ httpCertificateArn: 'x' }, 'httpDomain is not set, only its certificate is'],
    [
      { httpDomain: 'api.example.com', httpCertificateArn: 'x' },
      'httpCertificateArn is "x", expected the ARN of a certificate in ACM',
    ],
    [
      { provisionedConcurrency: 'notify' },
      'provisionedConcurrency.notify is NaN, expected an integer from 1 to 1000',
    ],
    [
      { reservedConcurrency: 'message=0' },
      'reservedConcurrency.message is 0, expected an integer from 1 to 1000',
    ],
    [
      { routeThrottles: '$connect=200' },
      'routeThrottles is "$connect=200", expected something like $connect=200/100',
    ],
    [
      { routeThrottles: '$connect=0/100' },
      'routeThrottles.$connect.rateLimit is 0, expected an integer from 1 to 1000000',
    ],
    [{ frameRate: '2.5' }, 'frameRate is "2.5", expected an integer'],
    [{ maxDevicesPerUser: '0' }, 'maxDevicesPerUser is 0, expected an integer from 1 to 10000'],
    [{ issuer: '' }, 'issuer is empty: leave it out for its default'],
    [{ throttleRate: '0' }, 'throttle.rateLimit is 0, expected an integer from 1 to 1000000'],
  ];
  for (const [context, message] of refused) {
    it(message, () => expect(complaint(() => readSettings((name) => context[name]))).toBe(message));
  }

  it('a stack name that CloudFormation would refuse', () => {
    expect(complaint(() => stackName(() => '1st'))).toMatch(/^stackName is "1st", expected /);
    expect(stackName(() => undefined)).toBe('Herald');
  });
});

describe('a name in the context that is nearly that of a setting', () => {
  it.each([
    ['maxConnectionPerUser', 'maxConnectionsPerUser'],
    ['MAX_CONNECTIONS_PER_USER', 'maxConnectionsPerUser'],
    ['max-connections-per-user', 'maxConnectionsPerUser'],
    ['connectionsPerUser', 'maxConnectionsPerUser'],
    ['jwksUri', 'jwksUrl'],
    ['issuers', 'issuer'],
    ['audiance', 'audience'],
    ['stackname', 'stackName'],
    ['defaultRetention', 'defaultRetentionSeconds'],
    ['maxTokenLifetime', 'maxTokenLifetimeSeconds'],
    ['eventBus', 'eventBusName'],
    ['retentionSeconds', 'defaultRetentionSeconds'],
    ['removalpolicy', 'removalPolicy'],
    ['alowedOrigins', 'allowedOrigins'],
    ['httpCertificate', 'httpCertificateArn'],
  ])('is refused, and told what was meant: %s', (name, meant) => {
    expect(complaint(() => refuseMisspelt(['issuer', name]))).toBe(
      `${name} is no setting: did you mean ${meant}?`,
    );
  });

  it('is none of ours, of CDK or of anybody else', () => {
    const flags = JSON.parse(
      readFileSync(new URL(import.meta.resolve('aws-cdk-lib/recommended-feature-flags.json')), 'utf8'),
    );
    const names = [
      ...Object.keys(flags),
      ...['aws:cdk:bundling-stacks', 'cli-telemetry', 'aws-cdk:enableDiffNoFail', 'env', 'stage', 'region'],
      'availability-zones:account=123456789012:region=eu-west-1',
      ...[
        'issuer',
        'audience',
        'stackName',
        'throttleRate',
        'throttleBurst',
        'webSocketDomain',
        'httpDomain',
      ],
    ];
    expect(complaint(() => refuseMisspelt(names))).toBe('none');
  });
});

it('takes context from the command line as text, and from cdk.json as JSON', () => {
  const line: Record<string, unknown> = {
    allowedOrigins: 'https://a.example,https://b.example',
    maxConnectionsPerUser: '5',
    frameRate: '25',
    reservedConcurrency: 'message=200,notify=100',
    routeThrottles: '$connect=200/100,POST /notifications=50/20',
    closedTypes: 'true',
    awsClient: 'sdk',
    removalPolicy: 'destroy',
  };
  const file: Record<string, unknown> = {
    ...line,
    allowedOrigins: ['https://a.example', 'https://b.example'],
    maxConnectionsPerUser: 5,
    frameRate: 25,
    reservedConcurrency: { message: 200, notify: 100 },
    routeThrottles: {
      $connect: { rateLimit: 200, burstLimit: 100 },
      'POST /notifications': { rateLimit: 50, burstLimit: 20 },
    },
    closedTypes: true,
    awsClient: 'sdk',
  };
  const expected = {
    allowedOrigins: ['https://a.example', 'https://b.example'],
    maxConnectionsPerUser: 5,
    frameRate: 25,
    reservedConcurrency: file.reservedConcurrency,
    routeThrottles: file.routeThrottles,
    closedTypes: true,
    awsClient: 'sdk',
    removalPolicy: RemovalPolicy.DESTROY,
  };
  expect(readSettings((name) => line[name])).toEqual(expected);
  expect(readSettings((name) => file[name])).toEqual(expected);
  expect(readSettings(() => undefined)).toEqual({});
});
