/** What a key of the operator's own must let others do, so that tables, queues and logs can be encrypted with it. */
import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { acknowledge } from './nag.ts';

/** To read and write what is encrypted with it: rows of a table, messages of a queue. */
export const KEY_ACTIONS = [
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
];

/** `key`: undefined: a key of SQS's own. */
export const queueEncryption = (
  key: IKey | undefined,
): Pick<QueueProps, 'encryption' | 'encryptionMasterKey'> =>
  key
    ? { encryption: QueueEncryption.KMS, encryptionMasterKey: key }
    : { encryption: QueueEncryption.SQS_MANAGED };

/** Accepts what CDK allows who sends to a queue that is encrypted with the key. */
export function acknowledgeKeyGrants(scope: Construct): void {
  for (const action of ['kms:ReEncrypt*', 'kms:GenerateDataKey*']) {
    acknowledge(
      scope,
      `AwsSolutions-IAM5[Action::${action}]`,
      'The few variants of one action, on one key, for the dead-letter queues.',
    );
  }
}

/**
 * Lets CloudWatch Logs and EventBridge use the key for what is ours. The policy of a key that was made elsewhere cannot be added to
 * from here: docs/operations.md says what it must hold.
 */
export function allowServices(scope: Construct, key: IKey): void {
  const { region, account } = Stack.of(scope);
  key.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal(`logs.${region}.amazonaws.com`)],
      actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
      resources: ['*'],
      conditions: {
        ArnLike: {
          'kms:EncryptionContext:aws:logs:arn': Stack.of(scope).formatArn({
            service: 'logs',
            resource: '*',
          }),
        },
      },
    }),
  );
  key.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('events.amazonaws.com')],
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: ['*'],
      conditions: { StringEquals: { 'aws:SourceAccount': account } },
    }),
  );
}
