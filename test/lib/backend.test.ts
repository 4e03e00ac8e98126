/** What holds of the tables, the stream, the bus and the Lambdas, however the construct is set. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { find, findAll, synthStack } from './synth.ts';

const template = synthStack();

/** A queue of work for later, which ends with the connections that the work is about. */
const isWork = (id: string): boolean => /^BackendQueues(reconcile|fanout|outbox|later)/.test(id);

describe('the tables', () => {
  const tables = findAll(template, 'AWS::DynamoDB::GlobalTable');

  it('have the keys of the design', () => {
    const keys = tables.map(({ id, Properties }) => [
      id.replace(/^BackendTables|[0-9A-F]{8}$/g, ''),
      (Properties.KeySchema as { AttributeName: string }[]).map(({ AttributeName }) => AttributeName),
    ]);
    expect(Object.fromEntries(keys)).toEqual({
      connections: ['userId', 'connectionId'],
      devices: ['userId', 'deviceId'],
      messages: ['channel', 'seq'],
      publishes: ['channel', 'idempotencyKey'],
      subscriptions: ['channel', 'subscriber'],
      members: ['userId', 'topic'],
      cursors: ['userId', 'channelDevice'],
      outbox: ['id'],
      presence: ['userId'],
    });
  });

  it('know the members of a topic by an index, and have no other', () => {
    const indexes = tables.flatMap(({ id, Properties }) =>
      ((Properties.GlobalSecondaryIndexes ?? []) as object[]).map((index) => [
        id.replace(/^BackendTables|[0-9A-F]{8}$/g, ''),
        index,
      ]),
    );
    expect(indexes).toEqual([
      [
        'members',
        {
          IndexName: 'byTopic',
          KeySchema: [
            { AttributeName: 'topic', KeyType: 'HASH' },
            { AttributeName: 'userId', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    ]);
  });

  it('are paid on demand, lapse by expiresAt but for the outbox, cannot be deleted, and outlive the stack', () => {
    for (const { id, Properties, DeletionPolicy } of tables) {
      expect(Properties).toMatchObject({
        BillingMode: 'PAY_PER_REQUEST',
        Replicas: [{ DeletionProtectionEnabled: true }],
      });
      expect(Properties.TimeToLiveSpecification).toEqual(
        id.includes('outbox') ? undefined : { AttributeName: 'expiresAt', Enabled: true },
      );
      expect(DeletionPolicy).toBe('Retain');
    }
  });

  it('can be restored to any moment, but for those whose rows belong to sockets', () => {
    const restorable = tables.filter(({ Properties }) => {
      const [replica] = Properties.Replicas as {
        PointInTimeRecoverySpecification?: { PointInTimeRecoveryEnabled: boolean };
      }[];
      return replica?.PointInTimeRecoverySpecification?.PointInTimeRecoveryEnabled;
    });
    expect(restorable.map(({ id }) => id.replace(/^BackendTables|[0-9A-F]{8}$/g, '')).sort()).toEqual([
      'cursors',
      'devices',
      'members',
      'messages',
      'outbox',
      'publishes',
    ]);
  });

  it('stream the old and the new row of connections, subscriptions and the outbox, and of nothing else', () => {
    const streams = tables.filter(({ Properties }) => Properties.StreamSpecification);
    expect(streams.map(({ id }) => id.replace(/^BackendTables|[0-9A-F]{8}$/g, '')).sort()).toEqual([
      'connections',
      'outbox',
      'subscriptions',
    ]);
    for (const { Properties } of streams)
      expect(Properties.StreamSpecification).toEqual({ StreamViewType: 'NEW_AND_OLD_IMAGES' });
  });

  it('go with the stack, and the secret and the dead letters too, when that is asked for', () => {
    const mortal = synthStack({ removalPolicy: RemovalPolicy.DESTROY });
    for (const type of ['AWS::DynamoDB::GlobalTable', 'AWS::SecretsManager::Secret', 'AWS::SQS::Queue']) {
      for (const { DeletionPolicy } of findAll(mortal, type)) expect(DeletionPolicy).toBe('Delete');
      for (const { id, DeletionPolicy } of findAll(template, type)) {
        expect(DeletionPolicy, id).toBe(isWork(id) ? 'Delete' : 'Retain');
      }
    }
    for (const { Properties } of findAll(mortal, 'AWS::DynamoDB::GlobalTable')) {
      expect(Properties.Replicas).toMatchObject([{ DeletionProtectionEnabled: false }]);
    }
  });
});

/** The only event source mapping that reads a table's stream or a queue, but for the events. */
function sourceMapping(resource: string, of = template) {
  const [found, another] = mappings(of, false).filter(({ Properties }) =>
    JSON.stringify(Properties.EventSourceArn).includes(`"${resource}`),
  );
  if (found === undefined || another !== undefined) throw new Error(`expected one source ${resource}`);
  return found;
}

/** `forEvents`: of the Lambda that tells who comes and goes, or of the others. */
const mappings = (of: Template, forEvents: boolean) =>
  findAll(of, 'AWS::Lambda::EventSourceMapping').filter(
    ({ Properties }) => JSON.stringify(Properties.FunctionName).includes('lifecycle') === forEvents,
  );

describe('who comes and goes', () => {
  const streamOf = (of: Template) =>
    mappings(of, true).find(({ Properties }) =>
      JSON.stringify(Properties.EventSourceArn).includes('BackendTablesconnections'),
    )?.Properties;

  it('is read from the second and last reader of the stream of connections, a user at a time', () => {
    expect(streamOf(template)).toMatchObject({
      ParallelizationFactor: 1,
      MaximumRetryAttempts: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
    const readers = [...mappings(template, true), ...mappings(template, false)].filter(({ Properties }) =>
      JSON.stringify(Properties.EventSourceArn).includes('BackendTablesconnections'),
    );
    expect(readers).toHaveLength(2);
  });

  it('is read of rows that change or go, and of those alone that are written as ready', () => {
    const { FilterCriteria } = streamOf(template) ?? {};
    const { Filters } = FilterCriteria as { Filters: { Pattern: string }[] };
    expect(Filters.map(({ Pattern }) => JSON.parse(Pattern))).toEqual([
      {
        eventName: ['MODIFY', 'REMOVE'],
        dynamodb: { OldImage: { connectedAt: { N: [{ exists: true }] } } },
      },
      { eventName: ['INSERT'], dynamodb: { NewImage: { readyAt: { N: [{ exists: true }] } } } },
    ]);
  });

  it('is read only where that is set', () => {
    expect(streamOf(template)?.Enabled).toBe(false);
    expect(streamOf(synthStack({ events: true }))?.Enabled).toBe(true);
  });

  it('is told by events that no rule of ours takes', () => {
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: { 'detail-type': ['Notification'] },
    });
    template.resourceCountIs('AWS::Events::Rule', 1);
  });
});

describe.each(['connections', 'subscriptions'])('the stream of %s', (table) => {
  const { Properties } = sourceMapping(`BackendTables${table}`);

  it('drives replay where a row asks for it, and nowhere else', () => {
    const { Filters } = Properties.FilterCriteria as { Filters: { Pattern: string }[] };
    expect(Filters.map(({ Pattern }) => JSON.parse(Pattern))).toEqual([
      {
        eventName: ['INSERT', 'MODIFY'],
        dynamodb: { NewImage: { replayRequestId: { S: [{ exists: true }] } } },
      },
    ]);
    expect(JSON.stringify(Properties.FunctionName)).toContain('BackendFunctionsreconcile');
  });

  it('never stands still because of one record', () => {
    expect(Properties).toMatchObject({
      StartingPosition: 'TRIM_HORIZON',
      ParallelizationFactor: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 3,
      MaximumRecordAgeInSeconds: 600,
      DestinationConfig: { OnFailure: { Destination: expect.anything() } },
    });
  });
});

describe('the queue of large fan-outs', () => {
  const queue = find(template, 'AWS::SQS::Queue', 'BackendQueuesfanout');

  it('is read by ten workers at most, a range each', () => {
    const { Properties } = sourceMapping('BackendQueuesfanout');
    expect(Properties).toMatchObject({
      EventSourceArn: { 'Fn::GetAtt': [queue.id, 'Arn'] },
      BatchSize: 1,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 10 },
    });
    expect(JSON.stringify(Properties.FunctionName)).toContain('BackendFunctionsfanout');
  });

  it('is read by fewer, where the Lambda has fewer instances', () => {
    const reserved = (count: number) =>
      sourceMapping('BackendQueuesfanout', synthStack({ reservedConcurrency: { 'fan-out': count } }))
        .Properties.ScalingConfig;
    expect(reserved(8)).toEqual({ MaximumConcurrency: 4 });
    expect(reserved(1)).toEqual({ MaximumConcurrency: 2 });
    expect(reserved(100)).toEqual({ MaximumConcurrency: 10 });
  });

  it('hides a range for six time-outs of its Lambda, and keeps what failed five times', () => {
    const failed = find(template, 'AWS::SQS::Queue', 'BackendQueuesFailedFanOuts');
    expect(queue.Properties).toMatchObject({
      VisibilityTimeout: 720,
      RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': [failed.id, 'Arn'] }, maxReceiveCount: 5 },
    });
  });
});

describe('the outbox', () => {
  it('is read where a row was put or changed, for a day at most, each row apart from the others', () => {
    const { Properties } = sourceMapping('BackendTablesoutbox');
    const { Filters } = Properties.FilterCriteria as { Filters: { Pattern: string }[] };
    expect(Filters.map(({ Pattern }) => JSON.parse(Pattern))).toEqual([
      { eventName: ['INSERT', 'MODIFY'], dynamodb: { NewImage: { id: { S: [{ exists: true }] } } } },
    ]);
    expect(Properties).toMatchObject({
      StartingPosition: 'TRIM_HORIZON',
      ParallelizationFactor: 10,
      MaximumRetryAttempts: 10,
      MaximumRecordAgeInSeconds: 82_800,
      BisectBatchOnFunctionError: true,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
  });

  it('has a queue for rows that are tried again, and one for those given up', () => {
    const failed = find(template, 'AWS::SQS::Queue', 'BackendQueuesFailedOutboxRows');
    expect(find(template, 'AWS::SQS::Queue', 'BackendQueuesoutbox').Properties).toMatchObject({
      VisibilityTimeout: 360,
      RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': [failed.id, 'Arn'] }, maxReceiveCount: 5 },
    });
    const Variables = Match.objectLike({ OUTBOX_DEAD_LETTERS_URL: { Ref: failed.id } });
    template.hasResourceProperties('AWS::Lambda::Function', { Environment: { Variables } });
  });
});

describe('the queue of work for later', () => {
  const queue = find(template, 'AWS::SQS::Queue', 'BackendQueuesreconcile');

  it('is read by reconcile, ten messages at a time, of which only those that failed come again', () => {
    const { Properties } = sourceMapping('BackendQueuesreconcile');
    expect(Properties).toMatchObject({
      EventSourceArn: { 'Fn::GetAtt': [queue.id, 'Arn'] },
      BatchSize: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
    expect(JSON.stringify(Properties.FunctionName)).toContain('BackendFunctionsreconcile');
    expect(Properties.ScalingConfig).toBeUndefined();
  });

  it('hides a message for six time-outs of its Lambda, and keeps what failed five times', () => {
    const failed = find(template, 'AWS::SQS::Queue', 'BackendQueuesFailedRetries');
    expect(queue.Properties).toEqual({
      SqsManagedSseEnabled: true,
      VisibilityTimeout: 720,
      RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': [failed.id, 'Arn'] }, maxReceiveCount: 5 },
    });
  });

  it('takes only TLS', () => {
    const policies = findAll(template, 'AWS::SQS::QueuePolicy').map((policy) => JSON.stringify(policy));
    const own = policies.filter((policy) => policy.includes(`"Queues":[{"Ref":"${queue.id}"}]`));
    expect(own.join()).toContain('"Condition":{"Bool":{"aws:SecureTransport":"false"}},"Effect":"Deny"');
  });

  it('is known to each Lambda that keeps state', () => {
    const Variables = Match.objectLike({ RECONCILE_QUEUE_URL: { Ref: queue.id } });
    template.resourcePropertiesCountIs('AWS::Lambda::Function', { Environment: { Variables } }, 11);
  });
});

describe('a notification that fails every retry', () => {
  it('is kept when EventBridge cannot hand it over', () => {
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: { 'detail-type': ['Notification'] },
      Targets: [
        Match.objectLike({
          DeadLetterConfig: { Arn: Match.anyValue() },
          RetryPolicy: { MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 86_400 },
        }),
      ],
    });
  });

  it('is kept when notify fails on it', () => {
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      FunctionName: { Ref: Match.stringLikeRegexp('^BackendFunctionsnotify') },
      MaximumRetryAttempts: 2,
      DestinationConfig: { OnFailure: { Destination: Match.anyValue() } },
    });
  });

  it('waits two weeks in a queue that is encrypted and takes only TLS', () => {
    const queues = findAll(template, 'AWS::SQS::Queue').filter(({ id }) => !isWork(id));
    const policies = findAll(template, 'AWS::SQS::QueuePolicy').map(({ Properties }) =>
      JSON.stringify(Properties),
    );
    expect(queues).toHaveLength(10);
    for (const { id, Properties } of queues) {
      expect(Properties).toEqual({ SqsManagedSseEnabled: true, MessageRetentionPeriod: 1_209_600 });
      const own = policies.filter((policy) => policy.includes(`"${id}"`));
      expect(own.join()).toContain('"Condition":{"Bool":{"aws:SecureTransport":"false"}},"Effect":"Deny"');
    }
  });
});

describe('the Lambdas', () => {
  const lambdas = findAll(template, 'AWS::Lambda::Function');

  it('are twelve, on arm64 and Node 24, with explicit memory, their own log and mapped stack traces', () => {
    expect(lambdas).toHaveLength(12);
    for (const { Properties } of lambdas) {
      expect(Properties).toMatchObject({
        Architectures: ['arm64'],
        Runtime: 'nodejs24.x',
        MemorySize: expect.any(Number),
        // Without Lambda's own lines of each run, which are longer than ours.
        LoggingConfig: { LogGroup: expect.anything(), LogFormat: 'JSON', SystemLogLevel: 'WARN' },
        Environment: { Variables: { NODE_OPTIONS: '--enable-source-maps' } },
      });
    }
  });

  it('answer before API Gateway gives up, and replay has time for a batch', () => {
    const timeouts = lambdas.map(({ id, Properties }) => [
      id.replace(/^Backend(Functions|Authorizer)|[0-9A-F]{8}$/g, ''),
      Properties.Timeout,
    ]);
    expect(Object.fromEntries(timeouts)).toEqual({
      authorizer: 10,
      connect: 10,
      disconnect: 10,
      message: 29,
      notify: 29,
      users: 29,
      topics: 29,
      reconcile: 120,
      fanout: 120,
      outbox: 60,
      lifecycle: 30,
      later: 30,
    });
  });

  it('log for a month, into logs that go with the stack', () => {
    const logs = findAll(template, 'AWS::Logs::LogGroup');
    expect(logs).toHaveLength(14);
    for (const { Properties, DeletionPolicy } of logs) {
      expect(Properties).toEqual({ RetentionInDays: 30 });
      expect(DeletionPolicy).toBe('Delete');
    }
  });

  it('are set as the operator says', () => {
    const set = synthStack({
      jwksUrl: 'https://id.example/keys',
      issuer: 'https://id.example',
      audience: 'app',
      maxTokenLifetime: Duration.hours(1),
      allowedOrigins: ['https://app.example', 'capacitor://localhost'],
      maxConnectionsPerUser: 3,
      maxDevicesPerUser: 40,
      frameRate: 25,
      everyone: false,
      openTopics: ['news.*', 'chat'],
      maxSubscriptions: 7,
      permissionsClaim: 'https://app.example/may',
      appMessages: true,
      events: true,
      offlineAfterSeconds: 45,
      fanOutRate: 300,
      fanOutPage: 12,
      closedTypes: true,
      logSampling: 3,
      logLevel: 'debug',
    });
    const variables = (id: string) =>
      (find(set, 'AWS::Lambda::Function', id).Properties.Environment as { Variables: unknown }).Variables;
    expect(variables('BackendAuthorizerauthorizer')).toEqual({
      BACKEND_NAME: expect.stringMatching(/^Herald-Backend-[0-9A-F]{8}$/),
      JWKS_URL: 'https://id.example/keys',
      JWT_ISSUER: 'https://id.example',
      JWT_AUDIENCE: 'app',
      MAX_TOKEN_LIFETIME_SECONDS: '3600',
      PERMISSIONS_CLAIM: 'https://app.example/may',
      ALLOWED_ORIGINS: 'https://app.example,capacitor://localhost',
      LOG_LEVEL: 'debug',
      NODE_OPTIONS: '--enable-source-maps',
    });
    expect(variables('BackendFunctionsconnect')).toMatchObject({
      MAX_CONNECTIONS_PER_USER: '3',
      MAX_DEVICES_PER_USER: '40',
      FRAME_RATE: '25',
      EVERYONE: 'false',
      OPEN_TOPICS: 'news.*,chat',
      MAX_SUBSCRIPTIONS: '7',
      APP_MESSAGES: 'true',
      EVENTS: 'true',
      OFFLINE_AFTER_SECONDS: '45',
      FAN_OUT_RATE: '300',
      FAN_OUT_PAGE: '12',
      DEFAULT_RETENTION_SECONDS: '604800',
      CLOSED_TYPES: 'true',
      LOG_SAMPLING: '3',
      LOG_LEVEL: 'debug',
    });
    const { LoggingConfig } = find(set, 'AWS::Lambda::Function', 'BackendFunctionsnotify').Properties;
    expect(LoggingConfig).toEqual({ LogGroup: expect.anything() });
  });
});

it('tells what clients, services and operators need', () => {
  const secret = ['JwtSecretArn'];
  const always = [
    'WebSocketUrl',
    'HttpUrl',
    'EventBusName',
    'NotifyFunctionName',
    'OutboxTableName',
    'DashboardName',
    'FailedNotificationsQueueUrl',
    'UndeliveredEventsQueueUrl',
    'FailedReplaysQueueUrl',
    'FailedRetriesQueueUrl',
    'FailedTopicReplaysQueueUrl',
    'FailedFanOutsQueueUrl',
    'FailedOutboxRowsQueueUrl',
    'UnreadOutboxRowsQueueUrl',
    'FailedEventsQueueUrl',
    'FailedLookUpsQueueUrl',
  ];
  expect(Object.keys(template.findOutputs('*')).sort()).toEqual([...always, ...secret].sort());
  const jwks = synthStack({ jwksUrl: 'https://id.example/keys', issuer: 'https://id.example' });
  expect(Object.keys(jwks.findOutputs('*')).sort()).toEqual(always.sort());
});
