/** `--bundles`: how it is asked for, and what the template's values become on this machine. */
import { describe, expect, it } from 'vitest';
import { parseStart } from '../../../../local/cli/commands/start.ts';
import { resolveEnvironment, type Template } from '../../../../local/emulator/bundles/template-values.ts';

const local = {
  tables: { connections: 'c', devices: 'd', messages: 'm', publishes: 'p' },
  secretArn: 'arn:secret',
  httpUrl: 'http://127.0.0.1:8787',
};

describe('the options of npm start', () => {
  it('choose the bundles and where they are', () => {
    expect(parseStart(['--bundles', '--cdk-out', 'cdk.out'])).toMatchObject({
      bundles: { assembly: 'cdk.out' },
    });
    expect(parseStart(['--bundles'])).toMatchObject({ bundles: { assembly: undefined } });
    expect(parseStart([])).toMatchObject({ bundles: undefined });
  });

  it.each([
    [['--cdk-out', 'x'], '--cdk-out is for --bundles, which is not given'],
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
      SECRET: ref('Secret'),
      CALLBACK: callback,
      PLAIN: '1',
    };
    expect(resolveEnvironment(template, environment, local)).toEqual({
      TABLE: 'm',
      SECRET: 'arn:secret',
      CALLBACK: 'http://127.0.0.1:8787/local',
      PLAIN: '1',
    });
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
