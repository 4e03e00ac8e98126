/** `--bundles`: how it is asked for, and what the template's values become on this machine. */
import { describe, expect, it } from 'vitest';
import { parseStart } from '../../../../local/cli/commands/start.ts';
import { resolveEnvironment, type Template } from '../../../../local/emulator/bundles/template-values.ts';
import { overrideVars } from '../../../../local/emulator/overrides.ts';

const local = {
  tables: {
    ...{ connections: 'c', devices: 'd', messages: 'm', publishes: 'p' },
    ...{ subscriptions: 's', members: 'mb', cursors: 'cu', outbox: 'ob', presence: 'pr' },
  },
  secretArn: 'arn:secret',
  httpUrl: 'http://127.0.0.1:8787',
};

describe('the options of npm start', () => {
  it('choose the bundles and where they are', () => {
    expect(parseStart(['--bundles', '--cdk-out', 'cdk.out'])).toMatchObject({
      bundles: { assembly: 'cdk.out' },
    });
    expect(parseStart(['--cdk-out', 'cdk.out', '--construct', 'Shop/Herald'])).toMatchObject({
      bundles: { assembly: 'cdk.out', construct: 'Shop/Herald' },
    });
    expect(parseStart(['--bundles'])).toMatchObject({ bundles: { assembly: undefined } });
    expect(parseStart([])).toMatchObject({ bundles: undefined });
  });

  it('change what the sources and the bundles have otherwise', () => {
    const args = ['--app-messages', '--no-everyone', '--open-topics', 'news.*, chat'];
    const { overrides } = parseStart([
      ...args,
      '--max-subscriptions',
      '3',
      '--fan-out-page',
      '2',
      '--bundles',
    ]);
    expect(overrideVars(overrides)).toEqual({
      LOG_SAMPLING: '100',
      APP_MESSAGES: 'true',
      EVERYONE: 'false',
      OPEN_TOPICS: 'news.*,chat',
      MAX_SUBSCRIPTIONS: '3',
      FAN_OUT_PAGE: '2',
    });
    // The log of a local stack tells of every message.
    expect(overrideVars(parseStart([]).overrides)).toEqual({ LOG_SAMPLING: '100' });
  });

  it.each([
    [['--open-topics', 'a.*.b'], '--open-topics is "a.*.b", expected a topic, or the beginning of one and *'],
    [['--fan-out-page', '0'], '--fan-out-page is "0", expected an integer from 1 to 1000'],
    [['--max-subscriptions', 'x'], '--max-subscriptions is "x", expected an integer from 1 to'],
    [['--bundles', '--construct', 'x'], '--construct is for --cdk-out, which is not given'],
    [['--bundles', '--cdk-out', ''], '--cdk-out is empty, expected a directory'],
  ])('%j are refused', (args, line) => {
    expect(() => parseStart(args)).toThrow(line);
  });
});

describe('the values of a template', () => {
  const template: Template = {
    Resources: {
      BackendTablesmessages1: { Type: 'AWS::DynamoDB::GlobalTable' },
      Secret: { Type: 'AWS::SecretsManager::Secret' },
      Api: { Type: 'AWS::ApiGatewayV2::Api' },
      BackendQueuesreconcile1: { Type: 'AWS::SQS::Queue' },
      BackendQueuesfanout1: { Type: 'AWS::SQS::Queue' },
      Queue: { Type: 'AWS::SQS::Queue' },
    },
  };
  const ref = (Ref: string) => ({ Ref });

  it('become those of this machine', () => {
    const callback = {
      'Fn::Join': [
        '',
        ['https://', ref('Api'), '.execute-api.', ref('AWS::Region'), '.', ref('AWS::URLSuffix'), '/prod'],
      ],
    };
    const environment = {
      TABLE: ref('BackendTablesmessages1'),
      QUEUE: ref('BackendQueuesreconcile1'),
      FAN_OUT: ref('BackendQueuesfanout1'),
      SECRET: ref('Secret'),
      CALLBACK_URL: callback,
      PLAIN: '1',
    };
    expect(resolveEnvironment(template, environment, local)).toEqual({
      TABLE: 'm',
      QUEUE: 'http://127.0.0.1:8787/000000000000/herald-reconcile',
      FAN_OUT: 'http://127.0.0.1:8787/000000000000/herald-fan-out',
      SECRET: 'arn:secret',
      CALLBACK_URL: 'http://127.0.0.1:8787/local',
      PLAIN: '1',
    });
  });

  it('never lead to what an app has elsewhere: a domain, a secret, a bus of its own', () => {
    const environment = {
      CALLBACK_URL: 'https://ws.example.com',
      JWT_SECRET_ARN: { 'Fn::ImportValue': 'Secret' },
      EVENT_BUS_NAME: 'shop',
    };
    expect(resolveEnvironment(template, environment, local)).toEqual({
      CALLBACK_URL: 'http://127.0.0.1:8787/local',
      JWT_SECRET_ARN: 'arn:secret',
      EVENT_BUS_NAME: 'herald',
    });
    expect(resolveEnvironment(template, { JWT_SECRET_ARN: '' }, local)).toEqual({ JWT_SECRET_ARN: '' });
  });

  it('tell the tables apart by their own names, whatever their construct is called', () => {
    const Resources = {
      MessagesTablesconnections4F2A: { Type: 'AWS::DynamoDB::GlobalTable' },
      MessagesTablesdevices4F2B: { Type: 'AWS::DynamoDB::GlobalTable' },
    };
    const environment = { A: ref('MessagesTablesconnections4F2A'), B: ref('MessagesTablesdevices4F2B') };
    expect(resolveEnvironment({ Resources }, environment, local)).toEqual({ A: 'c', B: 'd' });
  });

  it.each([ref('Queue'), ref('Nothing'), { 'Fn::GetAtt': ['Queue', 'Arn'] }])(
    '%j is refused by its variable',
    (value) => {
      expect(() => resolveEnvironment(template, { QUEUE: value }, local)).toThrow(
        "The template's QUEUE has no value here",
      );
    },
  );
});
