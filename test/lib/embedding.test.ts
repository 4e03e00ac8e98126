/** The construct as a part of somebody else's stack: what it is given and whom it lets in. */

import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { expect, it } from 'vitest';
import { NotificationBackend } from '../../lib/notification-backend.ts';
import { createApp, createBackend, grants } from './synth.ts';

const roleOf = (stack: Stack, id: string) =>
  new Role(stack, id, { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });

it('lets a service publish through all three doors, and nothing more', () => {
  const { stack, backend } = createBackend();
  backend.grantPublish(roleOf(stack, 'Orders'));
  const api = 'arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:NotificationsServiceApi';
  expect(grants(Template.fromStack(stack), 'Orders')).toEqual([
    'events:PutEvents on NotificationsBus.Arn',
    `execute-api:Invoke on ${api}/*/POST/notifications`,
    'lambda:InvokeFunction on NotificationsFunctionsnotify.Arn',
    'lambda:InvokeFunction on NotificationsFunctionsnotify.Arn:*',
  ]);
});

it('lets an operator ask about users, and not publish', () => {
  const { stack, backend } = createBackend();
  backend.grantOperate(roleOf(stack, 'OnCall'));
  const api = 'arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:NotificationsServiceApi';
  expect(grants(Template.fromStack(stack), 'OnCall')).toEqual([
    `execute-api:Invoke on ${api}/*/DELETE/users/*`,
    `execute-api:Invoke on ${api}/*/DELETE/users/*/connections`,
    `execute-api:Invoke on ${api}/*/DELETE/users/*/messages`,
    `execute-api:Invoke on ${api}/*/DELETE/users/*/messages/*`,
    `execute-api:Invoke on ${api}/*/GET/everyone/messages`,
    `execute-api:Invoke on ${api}/*/GET/topics/*/connections`,
    `execute-api:Invoke on ${api}/*/GET/topics/*/messages`,
    `execute-api:Invoke on ${api}/*/GET/users/*/connections`,
    `execute-api:Invoke on ${api}/*/GET/users/*/inbox`,
    `execute-api:Invoke on ${api}/*/GET/users/*/messages`,
    `execute-api:Invoke on ${api}/*/PUT/users/*/read`,
  ]);
});

it('lets a service manage the members of topics, and read no message', () => {
  const { stack, backend } = createBackend();
  backend.grantManageTopics(roleOf(stack, 'Teams'));
  const api = 'arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:NotificationsServiceApi';
  expect(grants(Template.fromStack(stack), 'Teams')).toEqual([
    `execute-api:Invoke on ${api}/*/DELETE/topics/*/members/*`,
    `execute-api:Invoke on ${api}/*/GET/topics/*/members`,
    `execute-api:Invoke on ${api}/*/GET/users/*/topics`,
    `execute-api:Invoke on ${api}/*/POST/topics/*/members`,
    `execute-api:Invoke on ${api}/*/PUT/topics/*/members/*`,
  ]);
});

it('reads a secret it is given, also one encrypted with a key of their own', () => {
  const stack = new Stack(createApp(), 'Theirs');
  const encryptionKey = new Key(stack, 'Key');
  const secret = new Secret(stack, 'Token', { encryptionKey });
  const backend = new NotificationBackend(stack, 'Notifications', { auth: { secret } });
  expect(backend.jwtSecret).toBe(secret);
  expect(grants(Template.fromStack(stack), 'NotificationsAuthorizerauthorizerRole')).toEqual([
    'kms:Decrypt on Key.Arn',
    'logs:CreateLogStream on NotificationsAuthorizerauthorizerLog.Arn',
    'logs:PutLogEvents on NotificationsAuthorizerauthorizerLog.Arn',
    'secretsmanager:GetSecretValue on Token',
  ]);
});

it('reads a secret known by half its ARN', () => {
  const stack = new Stack(createApp(), 'Theirs');
  const arn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:jwt';
  const secret = Secret.fromSecretPartialArn(stack, 'Token', arn);
  new NotificationBackend(stack, 'Notifications', { auth: { secret } });
  expect(grants(Template.fromStack(stack), 'NotificationsAuthorizerauthorizerRole')).toContain(
    `secretsmanager:GetSecretValue on ${arn}-??????`,
  );
});
