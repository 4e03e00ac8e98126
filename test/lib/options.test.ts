/** What an operator may change about the construct, and that it changes what it should. */
import { type App, RemovalPolicy, Stack, Stage, Tags } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Key } from 'aws-cdk-lib/aws-kms';
import { HostedZone } from 'aws-cdk-lib/aws-route53';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import { HeraldStack } from '../../lib/herald-stack.ts';
import { NotificationBackend } from '../../lib/notification-backend.ts';
import type { NotificationBackendProps } from '../../lib/props.ts';
import { createApp, find, findAll, grants, synthStack } from './synth.ts';

const findings = (app: App): string[] =>
  new AwsSolutionsChecks(app).validateScope(app).violations.map(({ ruleName }) => ruleName);

function synth(propsIn: (stack: Stack) => NotificationBackendProps) {
  const app = createApp();
  const stack = new Stack(app, 'Theirs');
  const backend = new NotificationBackend(stack, 'Push', propsIn(stack));
  return { app, stack, backend, template: Template.fromStack(stack) };
}

const certificate = (stack: Stack, id: string) =>
  Certificate.fromCertificateArn(stack, id, `arn:aws:acm:eu-west-1:123456789012:certificate/${id}`);

describe('custom domains', () => {
  const { app, backend, template } = synth((stack) => ({
    webSocketDomain: {
      domainName: 'push.example.com',
      certificate: certificate(stack, 'push'),
      hostedZone: HostedZone.fromHostedZoneAttributes(stack, 'Zone', {
        hostedZoneId: 'Z1',
        zoneName: 'example.com',
      }),
    },
    httpDomain: { domainName: 'api.example.com', certificate: certificate(stack, 'api') },
  }));

  it('are where clients and services go', () => {
    expect(backend.webSocketUrl).toBe('wss://push.example.com');
    expect(backend.httpUrl).toBe('https://api.example.com');
  });

  it('are in front of both stages, whose own names stop working', () => {
    const mapped = findAll(template, 'AWS::ApiGatewayV2::ApiMapping').map(({ Properties }) => Properties);
    expect(mapped).toHaveLength(2);
    for (const mapping of mapped) expect(mapping.ApiMappingKey).toBeUndefined();
    for (const { Properties } of findAll(template, 'AWS::ApiGatewayV2::Api')) {
      expect(Properties.DisableExecuteApiEndpoint).toBe(true);
    }
  });

  it('are what frames are posted through', () => {
    const Variables = Match.objectLike({ CALLBACK_URL: 'https://push.example.com' });
    template.resourcePropertiesCountIs('AWS::Lambda::Function', { Environment: { Variables } }, 11);
  });

  it('get a record where the zone is known', () => {
    const records = findAll(template, 'AWS::Route53::RecordSet').map(({ Properties }) => Properties.Name);
    expect(records).toEqual(['push.example.com.']);
  });

  it('leave nothing for AwsSolutions to find', () => expect(findings(app)).toEqual([]));

  it('are set by plain values in our own stack, which then tells where to point them', () => {
    const certificateArn = 'arn:aws:acm:eu-west-1:123456789012:certificate/push';
    const own = synthStack({ webSocketDomain: { domainName: 'push.example.com', certificateArn } });
    expect(Object.keys(own.findOutputs('*'))).toContain('WebSocketDomainTarget');
    own.hasResourceProperties('AWS::ApiGatewayV2::DomainName', {
      DomainNameConfigurations: [{ CertificateArn: certificateArn, EndpointType: 'REGIONAL' }],
    });
  });
});

describe('a key of their own', () => {
  const { app, template } = synth((stack) => ({
    encryptionKey: new Key(stack, 'Key', { enableKeyRotation: true }),
  }));
  const key = { 'Fn::GetAtt': [find(template, 'AWS::KMS::Key', 'Key').id, 'Arn'] };

  it('encrypts every table, queue and log, and the token secret', () => {
    for (const { Properties } of findAll(template, 'AWS::DynamoDB::GlobalTable')) {
      expect(Properties).toMatchObject({
        SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
        Replicas: [{ SSESpecification: { KMSMasterKeyId: key } }],
      });
    }
    for (const { Properties } of findAll(template, 'AWS::SQS::Queue')) {
      expect(Properties.KmsMasterKeyId).toEqual(key);
    }
    for (const { Properties } of findAll(template, 'AWS::Logs::LogGroup')) {
      expect(Properties.KmsKeyId).toEqual(key);
    }
    expect(find(template, 'AWS::SecretsManager::Secret', 'Push').Properties.KmsKeyId).toEqual(key);
  });

  it('may be used by what writes there: CloudWatch Logs, EventBridge, and each Lambda for its tables', () => {
    const policy = JSON.stringify(find(template, 'AWS::KMS::Key', 'Key').Properties.KeyPolicy);
    expect(policy).toContain('"Service":"events.amazonaws.com"');
    expect(policy).toContain('kms:EncryptionContext:aws:logs:arn');
    for (const name of ['connect', 'disconnect', 'message', 'notify', 'reconcile', 'users']) {
      const own = grants(template, `PushFunctions${name}Role`);
      expect(own).toEqual(expect.arrayContaining(['kms:Decrypt on Key.Arn', 'kms:Encrypt on Key.Arn']));
    }
    expect(grants(template, 'PushAuthorizerauthorizerRole')).toContain('kms:Decrypt on Key.Arn');
  });

  it('leaves nothing for AwsSolutions to find', () => expect(findings(app)).toEqual([]));
});

describe('an event bus of theirs', () => {
  it('is listened to, and no other is made', () => {
    const { backend, template } = synth((stack) => ({
      eventBus: EventBus.fromEventBusName(stack, 'Bus', 'company'),
    }));
    template.resourceCountIs('AWS::Events::EventBus', 0);
    template.hasResourceProperties('AWS::Events::Rule', { EventBusName: 'company' });
    expect(backend.eventBus.eventBusName).toBe('company');
  });
});

describe('provisioned concurrency', () => {
  const { app, template } = synth(() => ({
    provisionedConcurrency: { notify: 2, reconcile: 1, authorizer: 3 },
  }));
  const aliases = findAll(template, 'AWS::Lambda::Alias');
  const alias = (name: string) => aliases.find(({ id }) => id.includes(name))?.id;

  it('keeps as many instances warm as it says, of those Lambdas alone', () => {
    const kept = aliases.map(({ id, Properties }) => [
      /(notify|reconcile|authorizer)Alias/.exec(id)?.[1],
      Properties.ProvisionedConcurrencyConfig,
    ]);
    expect(Object.fromEntries(kept)).toEqual({
      notify: { ProvisionedConcurrentExecutions: 2 },
      reconcile: { ProvisionedConcurrentExecutions: 1 },
      authorizer: { ProvisionedConcurrentExecutions: 3 },
    });
  });

  it('is where every door leads to: requests, events, the stream and the authorizer', () => {
    const leadTo = (type: string) =>
      JSON.stringify(findAll(template, type).map(({ Properties }) => Properties));
    expect(leadTo('AWS::ApiGatewayV2::Integration')).toContain(`{"Ref":"${alias('notify')}"}`);
    expect(leadTo('AWS::Events::Rule')).toContain(`{"Ref":"${alias('notify')}"}`);
    expect(leadTo('AWS::Lambda::EventSourceMapping')).toContain(`{"Ref":"${alias('reconcile')}"}`);
    expect(leadTo('AWS::ApiGatewayV2::Authorizer')).toContain(`{"Ref":"${alias('authorizer')}"}`);
    expect(leadTo('AWS::Lambda::EventInvokeConfig')).toMatch(/"Qualifier":/);
  });

  it('leaves nothing for AwsSolutions to find', () => expect(findings(app)).toEqual([]));
});

describe('reserved concurrency', () => {
  const { app, template } = synth(() => ({
    reservedConcurrency: { message: 200, reconcile: 50, authorizer: 3 },
    provisionedConcurrency: { authorizer: 3 },
  }));

  it('is what those Lambdas have to themselves, and no other Lambda has a bound', () => {
    const reserved = findAll(template, 'AWS::Lambda::Function').map(({ id, Properties }) => [
      id.replace(/^Push(Functions|Authorizer)|[0-9A-F]{8}$/g, ''),
      Properties.ReservedConcurrentExecutions,
    ]);
    expect(Object.fromEntries(reserved)).toEqual({
      authorizer: 3,
      connect: undefined,
      disconnect: undefined,
      message: 200,
      notify: undefined,
      fanout: undefined,
      reconcile: 50,
      topics: undefined,
      users: undefined,
    });
  });

  it('leaves half of it to the stream where a Lambda reads a queue too', () => {
    const concurrencyOf = (reconcile: number) =>
      findAll(
        synth(() => ({ reservedConcurrency: { reconcile } })).template,
        'AWS::Lambda::EventSourceMapping',
      )
        .filter(({ Properties }) => JSON.stringify(Properties.EventSourceArn).includes('Queuesreconcile'))
        .map(({ Properties }) => Properties.ScalingConfig);
    expect(concurrencyOf(50)).toEqual([{ MaximumConcurrency: 25 }]);
    expect(concurrencyOf(1)).toEqual([{ MaximumConcurrency: 2 }]);
  });

  it('leaves nothing for AwsSolutions to find', () => expect(findings(app)).toEqual([]));
});

describe('throttles of single routes', () => {
  const { app, template } = synth(() => ({
    throttle: { rateLimit: 800, burstLimit: 400 },
    routeThrottles: {
      $connect: { rateLimit: 100, burstLimit: 50 },
      $default: { rateLimit: 300 },
      'DELETE /users/{userId}/connections': { rateLimit: 5, burstLimit: 5 },
    },
  }));
  const stage = (api: string) => find(template, 'AWS::ApiGatewayV2::Stage', `Push${api}Stage`);

  it('hold for these routes, and what a route leaves out is that of its API', () => {
    expect(stage('ClientApi').Properties).toMatchObject({
      DefaultRouteSettings: { ThrottlingRateLimit: 800, ThrottlingBurstLimit: 400 },
      RouteSettings: {
        $connect: { ThrottlingRateLimit: 100, ThrottlingBurstLimit: 50 },
        $default: { ThrottlingRateLimit: 300, ThrottlingBurstLimit: 400 },
      },
    });
    expect(stage('ServiceApi').Properties.RouteSettings).toEqual({
      'DELETE /users/{userId}/connections': { ThrottlingRateLimit: 5, ThrottlingBurstLimit: 5 },
    });
  });

  it('are set when the routes exist, which API Gateway insists on', () => {
    const routesOf = (...keys: string[]) =>
      findAll(template, 'AWS::ApiGatewayV2::Route')
        .filter(({ Properties }) => keys.includes(String(Properties.RouteKey)))
        .map(({ id }) => id);
    expect(stage('ClientApi').DependsOn).toEqual(expect.arrayContaining(routesOf('$connect', '$default')));
    expect(stage('ServiceApi').DependsOn).toEqual(
      expect.arrayContaining(routesOf('DELETE /users/{userId}/connections')),
    );
  });

  it('are none by default', () => {
    for (const { Properties } of findAll(synthStack(), 'AWS::ApiGatewayV2::Stage')) {
      expect(Properties.RouteSettings).toBeUndefined();
    }
  });

  it('leave nothing for AwsSolutions to find', () => expect(findings(app)).toEqual([]));
});

describe('tags', () => {
  it('reach everything that can carry one', () => {
    const app = createApp();
    const stack = new HeraldStack(app, 'Herald');
    Tags.of(stack).add('team', 'orders');
    const template = Template.fromStack(stack);
    for (const type of [
      'AWS::Lambda::Function',
      'AWS::SQS::Queue',
      'AWS::Logs::LogGroup',
      'AWS::SecretsManager::Secret',
      'AWS::Events::EventBus',
      'AWS::ApiGatewayV2::Api',
      'AWS::ApiGatewayV2::Stage',
      'AWS::DynamoDB::GlobalTable',
    ]) {
      for (const { id, Properties } of findAll(template, type)) {
        const tags = Properties.Tags ?? (Properties.Replicas as { Tags?: unknown }[] | undefined)?.[0]?.Tags;
        expect(JSON.stringify(tags), id).toMatch(/"team":"orders"|"Key":"team","Value":"orders"/);
      }
    }
  });
});

describe('several stages in one account', () => {
  it('share nothing, whatever the stages are called', () => {
    const app = createApp();
    const stacks = ['Test', 'Production'].map((name) => new HeraldStack(new Stage(app, name), 'Herald'));
    const named = stacks.flatMap((stack) => {
      const template = Template.fromStack(stack);
      return [
        ...findAll(template, 'AWS::Events::EventBus').map(({ Properties }) => String(Properties.Name)),
        ...findAll(template, 'AWS::Logs::QueryDefinition').map(({ Properties }) => String(Properties.Name)),
      ];
    });
    expect(stacks.map(({ stackName }) => stackName)).toEqual(['Test-Herald', 'Production-Herald']);
    expect(new Set(named).size).toBe(named.length);
    expect(findings(app)).toEqual([]);
  });
});

describe('what may not be replaced by an update', () => {
  const KEPT = {
    'AWS::DynamoDB::GlobalTable': [
      'BackendTablesconnectionsEA0861DE',
      'BackendTablescursors8754F09F',
      'BackendTablesdevices13B3ECEF',
      'BackendTablesmembers9F9DCEC8',
      'BackendTablesmessagesEB3266AE',
      'BackendTablesoutboxABDDFC9E',
      'BackendTablespresence8FCE7D06',
      'BackendTablespublishes0A1137DC',
      'BackendTablessubscriptions3DA34C03',
    ],
    'AWS::ApiGatewayV2::Api': ['BackendClientApiFF767B7A', 'BackendServiceApi46B07CE1'],
    'AWS::ApiGatewayV2::Stage': ['BackendClientApiStage9D22F87A', 'BackendServiceApiStageB97EC84A'],
    'AWS::SecretsManager::Secret': ['BackendAuthorizerJwtSecret39CF39A2'],
    'AWS::SQS::Queue': [
      'BackendNotificationsFailedNotifications5D47E0FE',
      'BackendNotificationsUndeliveredEventsAACADED3',
      'BackendQueuesFailedFanOuts4AB7C0D6',
      'BackendQueuesFailedLookUpsB409FFA7',
      'BackendQueuesFailedOutboxRowsBDE3C20F',
      'BackendQueuesFailedRetries93ADB933',
      'BackendQueuesfanoutA6B4475B',
      'BackendQueueslaterAA4CA0A3',
      'BackendQueuesoutbox960163F9',
      'BackendQueuesreconcileEF3A9348',
      'BackendReplayStreamFailedEvents64CB0BA9',
      'BackendReplayStreamFailedReplaysE5612745',
      'BackendReplayStreamFailedTopicReplaysDB05C48E',
      'BackendReplayStreamUnreadOutboxRows7BFB9DCD',
    ],
    'AWS::Events::EventBus': ['BackendNotificationsBus43B713F9'],
  };

  it.each([
    ['by default', {}],
    ['set otherwise', { maxConnectionsPerUser: 3, removalPolicy: RemovalPolicy.DESTROY, closedTypes: true }],
  ])('keeps its logical id: %s', (_how, props) => {
    const template = synthStack(props);
    const ids = Object.keys(KEPT).map((type) => [
      type,
      findAll(template, type)
        .map(({ id }) => id)
        .sort(),
    ]);
    expect(Object.fromEntries(ids)).toEqual(KEPT);
  });
});
