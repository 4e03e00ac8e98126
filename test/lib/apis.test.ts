/** The doors: which routes there are, who may pass, and what is written about it. */
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { expect, it } from 'vitest';
import { HeraldStack, type HeraldStackProps } from '../../lib/herald-stack.ts';
import { createApp, find, findAll, synthStack } from './synth.ts';

const template = synthStack();

const routes = (apiIdBeginsWith: string) =>
  findAll(template, 'AWS::ApiGatewayV2::Route')
    .filter(({ Properties }) => JSON.stringify(Properties.ApiId).includes(apiIdBeginsWith))
    .map(({ Properties }) => [Properties.RouteKey, Properties.AuthorizationType])
    .sort();

it('lets clients in by the authorizer, whatever way their token comes', () => {
  expect(routes('BackendClientApi')).toEqual([
    ['$connect', 'CUSTOM'],
    ['$default', 'NONE'],
    ['$disconnect', 'NONE'],
    ['publish', 'NONE'],
  ]);
  template.hasResourceProperties('AWS::ApiGatewayV2::Api', {
    ProtocolType: 'WEBSOCKET',
    RouteSelectionExpression: '$request.body.action',
  });
  template.hasResourceProperties('AWS::ApiGatewayV2::Authorizer', {
    AuthorizerType: 'REQUEST',
    IdentitySource: [],
  });
});

it('takes only signed requests over HTTPS', () => {
  expect(routes('BackendServiceApi')).toEqual(
    [
      'DELETE /topics/{topic}/members/{userId}',
      'DELETE /users/{userId}',
      'DELETE /users/{userId}/connections',
      'DELETE /users/{userId}/messages',
      'DELETE /users/{userId}/messages/{seq}',
      'GET /everyone/messages',
      'GET /topics/{topic}/connections',
      'GET /topics/{topic}/members',
      'GET /topics/{topic}/messages',
      'GET /users/{userId}/connections',
      'GET /users/{userId}/inbox',
      'GET /users/{userId}/messages',
      'GET /users/{userId}/topics',
      'POST /notifications',
      'POST /topics/{topic}/members',
      'PUT /topics/{topic}/members/{userId}',
      'PUT /users/{userId}/read',
    ].map((route) => [route, 'AWS_IAM']),
  );
});

it('sends each route to its Lambda', () => {
  const integrations = findAll(template, 'AWS::ApiGatewayV2::Integration');
  const lambdaOf = (target: unknown) => {
    const integration = integrations.find(({ id }) => JSON.stringify(target).includes(`"${id}"`));
    return /Backend(?:Functions)?(\w+?)[0-9A-F]{8}/.exec(
      JSON.stringify(integration?.Properties.IntegrationUri),
    )?.[1];
  };
  const pairs = findAll(template, 'AWS::ApiGatewayV2::Route').map(({ Properties }) => [
    Properties.RouteKey,
    lambdaOf(Properties.Target),
  ]);
  expect(Object.fromEntries(pairs)).toEqual({
    $connect: 'connect',
    $disconnect: 'disconnect',
    $default: 'message',
    publish: 'notify',
    'POST /notifications': 'notify',
    'GET /users/{userId}/messages': 'users',
    'GET /users/{userId}/connections': 'users',
    'DELETE /users/{userId}/connections': 'users',
    'DELETE /users/{userId}/messages': 'users',
    'DELETE /users/{userId}/messages/{seq}': 'users',
    'GET /users/{userId}/inbox': 'users',
    'PUT /users/{userId}/read': 'users',
    'DELETE /users/{userId}': 'users',
    'PUT /topics/{topic}/members/{userId}': 'topics',
    'DELETE /topics/{topic}/members/{userId}': 'topics',
    'POST /topics/{topic}/members': 'topics',
    'GET /topics/{topic}/members': 'topics',
    'GET /topics/{topic}/messages': 'topics',
    'GET /topics/{topic}/connections': 'topics',
    'GET /users/{userId}/topics': 'topics',
    'GET /everyone/messages': 'topics',
  });
});

it('deploys both stages by itself, throttled', () => {
  const stages = findAll(
    synthStack({ throttle: { rateLimit: 50, burstLimit: 20 } }),
    'AWS::ApiGatewayV2::Stage',
  );
  expect(stages.map(({ Properties }) => [Properties.StageName, Properties.AutoDeploy])).toEqual([
    ['prod', true],
    ['$default', true],
  ]);
  for (const { Properties } of stages) {
    expect(Properties.DefaultRouteSettings).toEqual({ ThrottlingRateLimit: 50, ThrottlingBurstLimit: 20 });
  }
});

it('writes one line of JSON per request, without anything that can hold a token', () => {
  for (const { Properties } of findAll(template, 'AWS::ApiGatewayV2::Stage')) {
    const { Format } = Properties.AccessLogSettings as { Format: string };
    const variables = Object.values<string>(JSON.parse(Format));
    expect(variables).toContain('$context.routeKey');
    expect(variables.every((variable) => /^\$context\.[A-Za-z.]+$/.test(variable))).toBe(true);
    expect(Format).not.toMatch(
      /query|header|authorization|protocol|responseOverride|\$input|requestOverride/i,
    );
    expect(Format).not.toContain('\n');
  }
});

it('sets the role that API Gateway logs with, when asked to, before the stage needs it, and never takes it away', () => {
  const template = synthStack({ accountLogRole: true });
  const account = find(template, 'AWS::ApiGateway::Account', 'Backend');
  const stage = find(template, 'AWS::ApiGatewayV2::Stage', 'BackendClientApiStage');
  expect(account.DeletionPolicy).toBe('Retain');
  expect(find(template, 'AWS::IAM::Role', 'BackendClientApiAccountLogRole').DeletionPolicy).toBe('Retain');
  expect(stage.DependsOn).toContain(account.id);
});

it('leaves that role, which belongs to the whole account, alone by default, and says what to do without one', () => {
  const infoOf = (props: HeraldStackProps) => {
    const stack = new HeraldStack(createApp(), 'Herald', props);
    const roles = Object.keys(Template.fromStack(stack).findResources('AWS::ApiGateway::Account')).length;
    const texts = Annotations.fromStack(stack)
      .findInfo('*', Match.stringLikeRegexp('CloudWatch Logs role ARN must be set in account settings'))
      .map(({ entry }) => String(entry.data));
    return { roles, texts };
  };
  expect(infoOf({})).toEqual({ roles: 0, texts: [expect.stringContaining('-c accountLogRole=true')] });
  expect(infoOf({ accountLogRole: true })).toEqual({ roles: 1, texts: [] });
});

it('tells the Lambdas the callback URL of the stage', () => {
  const named = synthStack({ stageName: 'live' });
  const url = [
    'https://',
    { Ref: Match.stringLikeRegexp('^BackendClientApi') },
    '.execute-api.',
    { Ref: 'AWS::Region' },
    '.',
    { Ref: 'AWS::URLSuffix' },
    '/live',
  ];
  const Variables = Match.objectLike({ CALLBACK_URL: { 'Fn::Join': ['', url] } });
  named.resourcePropertiesCountIs('AWS::Lambda::Function', { Environment: { Variables } }, 11);
});
