/** Where a request ends that failed every retry, so that it can be looked at and sent again. */
import { Duration, type RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { queueEncryption } from './encryption.ts';
import { acknowledge } from './nag.ts';

export interface DeadLetterQueueProps {
  readonly encryptionKey: IKey | undefined;
  /** What becomes of the queue, and of the letters nobody has looked at yet, when the stack is deleted. */
  readonly removalPolicy: RemovalPolicy;
}

export class DeadLetterQueue extends Queue {
  constructor(scope: Construct, id: string, { encryptionKey, removalPolicy }: DeadLetterQueueProps) {
    // The longest SQS keeps a message: time for somebody to come back from holidays.
    super(scope, id, {
      enforceSSL: true,
      ...queueEncryption(encryptionKey),
      retentionPeriod: Duration.days(14),
      removalPolicy,
    });
    acknowledge(
      this,
      'AwsSolutions-SQS3',
      'It is itself a dead-letter queue: nothing consumes it but people.',
    );
  }
}
