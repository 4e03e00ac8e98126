/** The rules of AwsSolutions hold, in our app and in anybody's, and two backends live side by side. */
import { readFileSync } from 'node:fs';
import { type App, Stack, Stage } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, it } from 'vitest';
import { HeraldStack } from '../../lib/herald-stack.ts';
import { NotificationBackend } from '../../lib/notification-backend.ts';
import { createApp, findAll } from './synth.ts';

const findings = (app: App): string[] =>
  new AwsSolutionsChecks(app).validateScope(app).violations.map(({ ruleName }) => ruleName);

const FLAGS: Record<string, unknown> = JSON.parse(
  readFileSync(new URL(import.meta.resolve('aws-cdk-lib/recommended-feature-flags.json')), 'utf8'),
);

it('has nothing to find in our app', () => {
  const app = createApp();
  new HeraldStack(app, 'Herald');
  new HeraldStack(app, 'Other', { jwksUrl: 'https://id.example/keys', issuer: 'me', stageName: 'live' });
  expect(findings(app)).toEqual([]);
});

it('has nothing to find under the feature flags of a new app, in a stage with a known account', () => {
  const app = createApp(FLAGS);
  const stage = new Stage(app, 'Production', { env: { account: '123456789012', region: 'eu-west-1' } });
  new HeraldStack(stage, 'Herald');
  expect(findings(app)).toEqual([]);
  app.synth();
});

it('would find a wildcard that nobody has accepted', () => {
  const app = createApp();
  const { backend } = withBackend(new Stack(app, 'Theirs'));
  backend.notify.addToRolePolicy(new PolicyStatement({ actions: ['dynamodb:Scan'], resources: ['*'] }));
  expect(findings(app)).toEqual(['AwsSolutions-IAM5[Resource::*]']);
});

it('lets two backends live in one account, and even in one stack', () => {
  const app = createApp();
  const one = new Stack(app, 'One');
  withBackend(one, 'Backend');
  withBackend(one, 'Second');
  const two = new Stack(app, 'Two');
  withBackend(two, 'Backend');
  const names = [one, two].flatMap((stack) =>
    findAll(Template.fromStack(stack), 'AWS::Events::EventBus').map(({ Properties }) => Properties.Name),
  );
  const metrics = [one, two].flatMap((stack) =>
    findAll(Template.fromStack(stack), 'AWS::Logs::MetricFilter').map(({ Properties }) =>
      JSON.stringify(Properties.MetricTransformations),
    ),
  );
  expect(new Set(names).size).toBe(3);
  expect(new Set(metrics).size).toBe(3);
  for (const stack of [one, two]) expect(fixedNames(Template.fromStack(stack))).toEqual([]);
});

const withBackend = (stack: Stack, id = 'Backend') => ({
  backend: new NotificationBackend(stack, id, { accountLogRole: false }),
});

/** Names of resources that would collide with those of another stack. */
const fixedNames = (template: Template): string[] =>
  [
    ['AWS::DynamoDB::GlobalTable', 'TableName'],
    ['AWS::Lambda::Function', 'FunctionName'],
    ['AWS::SQS::Queue', 'QueueName'],
    ['AWS::IAM::Role', 'RoleName'],
    ['AWS::Logs::LogGroup', 'LogGroupName'],
    ['AWS::CloudWatch::Alarm', 'AlarmName'],
    ['AWS::SecretsManager::Secret', 'Name'],
  ].flatMap(([type = '', name = '']) =>
    findAll(template, type)
      .filter(({ Properties }) => Properties[name] !== undefined)
      .map(({ id }) => id),
  );
