/** Each Lambda may do what it does and nothing else: the whole list, so that a new grant has to be written down here. */

import { Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { describe, expect, it } from 'vitest';
import { KEY_ACTIONS } from '../../lib/encryption.ts';
import { NotificationBackend } from '../../lib/notification-backend.ts';
import { createBackend, findAll, grants, synthStack } from './synth.ts';

const template = synthStack();

const on = (table: string, ...actions: string[]) =>
  actions.map((action) => `dynamodb:${action} on BackendTables${table}.Arn`);

const connections = (...methods: ('POST' | 'DELETE')[]) =>
  methods.map(
    (method) =>
      `execute-api:ManageConnections on arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:BackendClientApi/prod/${method}/@connections/*`,
  );

const deadLettersTo = (queue: string) =>
  ['SendMessage', 'GetQueueAttributes', 'GetQueueUrl'].map(
    (action) => `sqs:${action} on Backend${queue}.Arn`,
  );

const sendsTo = (...queues: ('reconcile' | 'fanout' | 'outbox' | 'later' | 'FailedOutboxRows')[]) =>
  queues.map((queue) => `sqs:SendMessage on BackendQueues${queue}.Arn`);

const readsQueue = (queue: 'reconcile' | 'fanout' | 'outbox' | 'later') =>
  ['ChangeMessageVisibility', 'DeleteMessage', 'GetQueueAttributes', 'GetQueueUrl', 'ReceiveMessage'].map(
    (action) => `sqs:${action} on BackendQueues${queue}.Arn`,
  );

const readsStream = (table: 'connections' | 'subscriptions' | 'outbox') =>
  ['DescribeStream', 'GetRecords', 'GetShardIterator', 'ListStreams'].map(
    (action) => `dynamodb:${action} on BackendTables${table}.StreamArn`,
  );

/** Whoever may ask for a user's topics may ask for a topic's members. */
const queriesMembers = [
  ...on('members', 'Query'),
  'dynamodb:Query on BackendTablesmembers.Arn/index/byTopic',
];

const EXPECTED: Record<string, string[]> = {
  connect: [
    ...on('connections', 'PutItem', 'Query', 'UpdateItem', 'DeleteItem'),
    ...on('subscriptions', 'PutItem', 'DeleteItem'),
  ],
  disconnect: [...on('connections', 'DeleteItem'), ...on('subscriptions', 'DeleteItem')],
  message: [
    ...on('connections', 'GetItem', 'Query', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'),
    ...on('subscriptions', 'GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'),
    ...queriesMembers,
    ...on('members', 'GetItem', 'ConditionCheckItem'),
    ...on('devices', 'GetItem', 'BatchGetItem', 'PutItem', 'Query', 'UpdateItem'),
    ...on('cursors', 'GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem'),
    ...on('messages', 'GetItem', 'BatchGetItem', 'PutItem', 'Query', 'ConditionCheckItem'),
    ...connections('POST', 'DELETE'),
    ...sendsTo('reconcile'),
    'events:PutEvents on BackendNotificationsBus.Arn',
  ],
  notify: [
    ...on('connections', 'GetItem', 'Query', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'),
    ...on('subscriptions', 'GetItem', 'Query', 'UpdateItem', 'DeleteItem'),
    ...on('devices', 'GetItem', 'PutItem', 'UpdateItem'),
    ...on('cursors', 'GetItem', 'PutItem', 'UpdateItem'),
    ...on('messages', 'GetItem', 'PutItem'),
    ...on('publishes', 'GetItem', 'PutItem'),
    ...connections('POST', 'DELETE'),
    ...sendsTo('reconcile', 'fanout', 'later'),
    ...deadLettersTo('NotificationsFailedNotifications'),
  ],
  lifecycle: [
    ...on('presence', 'GetItem', 'UpdateItem'),
    ...readsStream('connections'),
    ...sendsTo('later'),
    'events:PutEvents on BackendNotificationsBus.Arn',
    ...deadLettersTo('ReplayStreamFailedEvents'),
  ],
  later: [
    ...on('connections', 'Query'),
    ...on('presence', 'GetItem', 'DeleteItem'),
    ...on('devices', 'GetItem', 'Query'),
    ...on('messages', 'GetItem', 'Query', 'UpdateItem'),
    ...readsQueue('later'),
    ...sendsTo('later'),
    'events:PutEvents on BackendNotificationsBus.Arn',
  ],
  outbox: [
    ...on('outbox', 'UpdateItem', 'DeleteItem'),
    ...readsStream('outbox'),
    ...readsQueue('outbox'),
    ...on('connections', 'GetItem', 'Query', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'),
    ...on('subscriptions', 'GetItem', 'Query', 'UpdateItem', 'DeleteItem'),
    ...on('devices', 'GetItem', 'PutItem', 'UpdateItem'),
    ...on('cursors', 'GetItem', 'PutItem', 'UpdateItem'),
    ...on('messages', 'GetItem', 'PutItem'),
    ...on('publishes', 'GetItem', 'PutItem'),
    ...connections('POST'),
    ...sendsTo('reconcile', 'fanout', 'outbox', 'later', 'FailedOutboxRows'),
    ...deadLettersTo('ReplayStreamUnreadOutboxRows'),
  ],
  fanout: [
    ...on('connections', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'),
    ...on('subscriptions', 'Query', 'GetItem', 'UpdateItem', 'DeleteItem'),
    ...on('cursors', 'GetItem', 'PutItem', 'UpdateItem'),
    ...on('messages', 'GetItem', 'Query'),
    ...connections('POST'),
    ...sendsTo('reconcile', 'fanout'),
    ...readsQueue('fanout'),
  ],
  reconcile: [
    ...on('connections', 'GetItem', 'Query', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'),
    ...on('subscriptions', 'GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'),
    ...queriesMembers,
    ...on('members', 'ConditionCheckItem'),
    ...readsStream('connections'),
    ...readsStream('subscriptions'),
    ...readsQueue('reconcile'),
    ...sendsTo('reconcile'),
    ...on('devices', 'GetItem', 'BatchGetItem', 'PutItem', 'Query', 'UpdateItem'),
    ...on('cursors', 'GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem'),
    ...on('messages', 'GetItem', 'BatchGetItem', 'PutItem', 'Query'),
    ...connections('POST', 'DELETE'),
    ...deadLettersTo('ReplayStreamFailedReplays'),
    ...deadLettersTo('ReplayStreamFailedTopicReplays'),
  ],
  users: [
    ...on('connections', 'GetItem', 'Query', 'UpdateItem', 'DeleteItem'),
    ...on('subscriptions', 'DeleteItem'),
    ...queriesMembers,
    ...on('members', 'DeleteItem'),
    ...on('devices', 'GetItem', 'PutItem', 'Query', 'UpdateItem', 'DeleteItem'),
    ...on('cursors', 'Query', 'DeleteItem'),
    ...on('messages', 'GetItem', 'PutItem', 'Query', 'DeleteItem', 'ConditionCheckItem'),
    ...on('publishes', 'GetItem', 'Query', 'DeleteItem'),
    ...connections('POST', 'DELETE'),
    ...sendsTo('reconcile'),
  ],
  topics: [
    ...on('connections', 'Query', 'GetItem', 'UpdateItem'),
    ...on('subscriptions', 'GetItem', 'PutItem', 'Query', 'DeleteItem'),
    ...queriesMembers,
    ...on('members', 'GetItem', 'PutItem', 'DeleteItem', 'ConditionCheckItem'),
    ...on('messages', 'GetItem', 'PutItem', 'Query'),
    ...connections('POST'),
  ],
};

const logs = (id: string) => [`logs:CreateLogStream on ${id}Log.Arn`, `logs:PutLogEvents on ${id}Log.Arn`];

describe('a Lambda may do no more than it does', () => {
  for (const [name, expected] of Object.entries(EXPECTED)) {
    it(name, () => {
      const id = `BackendFunctions${name}`;
      expect(grants(template, `${id}Role`)).toEqual([...expected, ...logs(id)].sort());
    });
  }

  describe('where clients of STOMP are served', () => {
    const withStomp = synthStack({ stomp: true });
    const more: Record<string, string[]> = {
      message: [
        ...on('connections', 'PutItem'),
        // Their tokens come in frames.
        'secretsmanager:GetSecretValue on BackendAuthorizerJwtSecret',
      ],
    };

    for (const [name, expected] of Object.entries(EXPECTED)) {
      it(name, () => {
        const id = `BackendFunctions${name}`;
        expect(grants(withStomp, `${id}Role`)).toEqual(
          [...expected, ...(more[name] ?? []), ...logs(id)].sort(),
        );
      });
    }
  });

  it('authorizer: reads its secret, no table', () => {
    const id = 'BackendAuthorizerauthorizer';
    expect(grants(template, `${id}Role`)).toEqual([
      ...logs(id),
      'secretsmanager:GetSecretValue on BackendAuthorizerJwtSecret',
    ]);
  });

  it('authorizer with a JWKS URL: reads nothing at all', () => {
    const jwks = synthStack({ jwksUrl: 'https://id.example/keys', issuer: 'https://id.example' });
    const id = 'BackendAuthorizerauthorizer';
    expect(grants(jwks, `${id}Role`)).toEqual(logs(id));
    jwks.resourceCountIs('AWS::SecretsManager::Secret', 0);
  });

  it('authorizer with a secret of somebody else: reads that one', () => {
    const arn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:jwt-AbCdEf';
    const theirs = synthStack({ jwtSecretArn: arn });
    expect(grants(theirs, 'BackendAuthorizerauthorizerRole')).toContain(
      `secretsmanager:GetSecretValue on ${arn}`,
    );
    theirs.resourceCountIs('AWS::SecretsManager::Secret', 0);
  });
});

describe('a service with rows for the outbox in its transactions', () => {
  const grantedWith = (encryptionKeyArn?: string) => {
    const { stack } = createBackend();
    const props = encryptionKeyArn && { encryptionKey: Key.fromKeyArn(stack, 'Key', encryptionKeyArn) };
    const backend = new NotificationBackend(stack, 'Shop', props || {});
    const assumedBy = new ServicePrincipal('ecs-tasks.amazonaws.com');
    backend.grantOutbox(new Role(stack, 'Orders', { assumedBy }));
    return grants(Template.fromStack(stack), 'Orders');
  };

  it('may put them there, and nothing else', () => {
    expect(grantedWith()).toEqual(['dynamodb:PutItem on ShopTablesoutbox.Arn']);
  });

  it('may use the key that the table is encrypted with', () => {
    const arn = 'arn:aws:kms:eu-west-1:123456789012:key/abc';
    expect(grantedWith(arn)).toEqual([
      'dynamodb:PutItem on ShopTablesoutbox.Arn',
      ...KEY_ACTIONS.map((action) => `${action} on ${arn}`).sort(),
    ]);
  });
});

describe('no wildcard', () => {
  const policies = findAll(template, 'AWS::IAM::Policy').map(({ id }) => id);

  it('but for the connections of our own stage', () => {
    const wild = policies
      .flatMap((id) => grants(template, id.replace(/DefaultPolicy[0-9A-F]{8}$/, '')))
      .filter((grant) => grant.includes('*') && !grant.endsWith('/@connections/*'));
    expect(policies).toHaveLength(12);
    expect(wild).toEqual([]);
  });

  const managed = (of: Template) =>
    findAll(of, 'AWS::IAM::Role')
      .filter(({ Properties }) => Properties.ManagedPolicyArns || Properties.Policies)
      .map(({ id }) => id.replace(/[0-9A-F]{8}$/, ''));

  it('and no managed policy', () => expect(managed(template)).toEqual([]));

  it('but, when asked for, the one for the account setting of API Gateway', () => {
    expect(managed(synthStack({ accountLogRole: true }))).toEqual(['BackendClientApiAccountLogRole']);
  });
});
