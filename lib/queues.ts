/** The queues of work for later, each with the queue of what fails every try. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { QueueDeadLetters, QueueName, QueueSource } from '../lambdas/lambda-spec.ts';
import { LAMBDA_NAMES, LAMBDAS } from '../lambdas/manifest.ts';
import { DeadLetterQueue, type DeadLetterQueueProps } from './dead-letter-queue.ts';
import { queueEncryption } from './encryption.ts';

/**
 * What Lambda has received, nobody else receives for so many times its Lambda's time-out: batches may
 * have to wait for a free instance before they run.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
const HIDDEN_FOR_TIMEOUTS = 6;

export class Queues extends Construct {
  readonly byName = {} as Record<QueueName, Queue>;
  /** Messages whose work failed at every try. */
  readonly deadLetterQueues = {} as Record<QueueDeadLetters, DeadLetterQueue>;

  constructor(scope: Construct, id: string, props: DeadLetterQueueProps) {
    super(scope, id);
    for (const name of LAMBDA_NAMES) {
      const { queues = [], timeoutSeconds } = LAMBDAS[name];
      for (const source of queues) this.#create(source, timeoutSeconds, props);
    }
  }

  #create(
    { queue, maxReceives, deadLetters }: QueueSource,
    timeoutSeconds: number,
    props: DeadLetterQueueProps,
  ) {
    const failed = new DeadLetterQueue(this, deadLetters, props);
    this.deadLetterQueues[deadLetters] = failed;
    this.byName[queue] = new Queue(this, queue, {
      enforceSSL: true,
      ...queueEncryption(props.encryptionKey),
      visibilityTimeout: Duration.seconds(HIDDEN_FOR_TIMEOUTS * timeoutSeconds),
      deadLetterQueue: { queue: failed, maxReceiveCount: maxReceives },
      // Its work is about connections, which end with the stack, or about rows that stay in a table.
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }
}
