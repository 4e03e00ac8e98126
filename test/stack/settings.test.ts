/** An impossible setting stops the synthesis at once, with one line that begins with its name. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { describe, expect, it } from 'vitest';
import { readSettings, stackName } from '../../lib/context.ts';
import type { NotificationBackendProps } from '../../lib/notification-backend.ts';
import { InvalidSetting } from '../../lib/settings.ts';
import { createBackend } from './synth.ts';

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
    [{ maxConnectionsPerUser: 0 }, 'maxConnectionsPerUser is 0, expected an integer from 1 to 10000'],
    [{ maxConnectionsPerUser: 2.5 }, 'maxConnectionsPerUser is 2.5, expected an integer from 1 to 10000'],
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
    [{ stageName: '$default' }, 'stageName is "$default", expected 1 to 128 of A–Z a–z 0–9 _ -'],
    [{ throttle: { rateLimit: 0 } }, 'throttle.rateLimit is 0, expected an integer from 1 to 1000000'],
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
    [{ defaultRetentionSeconds: '7d' }, 'defaultRetentionSeconds is "7d", expected an integer'],
    [{ maxConnectionsPerUser: '-1' }, 'maxConnectionsPerUser is "-1", expected an integer'],
    [
      { allowedOrigins: 'https://a.example, https://b.example' },
      'allowedOrigins has " https://b.example", expected an origin such as https://app.example',
    ],
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

it('takes context from the command line as text, and from cdk.json as JSON', () => {
  const line: Record<string, unknown> = {
    allowedOrigins: 'https://a.example,https://b.example',
    maxConnectionsPerUser: '5',
    closedTypes: 'true',
    removalPolicy: 'destroy',
  };
  const file: Record<string, unknown> = {
    ...line,
    allowedOrigins: ['https://a.example', 'https://b.example'],
    maxConnectionsPerUser: 5,
    closedTypes: true,
  };
  const expected = {
    allowedOrigins: ['https://a.example', 'https://b.example'],
    maxConnectionsPerUser: 5,
    closedTypes: true,
    removalPolicy: RemovalPolicy.DESTROY,
  };
  expect(readSettings((name) => line[name])).toEqual(expected);
  expect(readSettings((name) => file[name])).toEqual(expected);
  expect(readSettings(() => undefined)).toEqual({});
});
