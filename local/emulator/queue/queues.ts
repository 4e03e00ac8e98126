/** The queues of the local stack: one for each queue source of the manifest, with the Lambda that reads it. */
import { randomUUID } from 'node:crypto';
import type { Logger } from '../../../lambdas/domain/ports/logger.ts';
import type { LambdaSpec, QueueDeadLetters, QueueName, QueueSource } from '../../../lambdas/lambda-spec.ts';
import { LAMBDA_NAMES, LAMBDAS, WRITTEN_DEAD_LETTERS } from '../../../lambdas/manifest.ts';
import { ACCOUNT, functionArn, type Lambdas } from '../lambdas.ts';
import { createQueue, type Queue } from './queue.ts';

export interface Queues {
  /** `name`: as in the queue's URL. */
  find(name: string): Queue | undefined;
  stop(): Promise<void>;
}

/** What the queue is called in its URL. */
export const queueName = (queue: QueueName | QueueDeadLetters): string => `herald-${queue}`;

export const queueUrl = (httpUrl: string, queue: QueueName | QueueDeadLetters): string =>
  `${httpUrl}/${ACCOUNT}/${queueName(queue)}`;

/** `speed`: the delays of messages pass so many times as fast as they should. */
export function createQueues(lambdas: Lambdas, logger: Logger, speed = 1): Queues {
  const queues = new Map([
    ...LAMBDA_NAMES.flatMap((lambda) => {
      const { queues: sources = [] }: LambdaSpec = LAMBDAS[lambda];
      return sources.map((source): [string, Queue] => [
        queueName(source.queue),
        queueFor(lambda, { ...source, delaySecondMs: 1000 / speed }, lambdas, logger),
      ]);
    }),
    ...WRITTEN_DEAD_LETTERS.map((letters): [string, Queue] => [queueName(letters), deadEnd(letters, logger)]),
  ]);
  return {
    find: (name) => queues.get(name),
    async stop() {
      await Promise.all([...queues.values()].map((queue) => queue.stop()));
    },
  };
}

/** What a Lambda puts there itself nobody receives here: the log has it. */
const deadEnd = (letters: QueueDeadLetters, logger: Logger): Queue => ({
  send(body) {
    const messageId = randomUUID();
    logger.error('dead letter', { queue: queueName(letters), messageId, body });
    return messageId;
  },
  stop: async () => {},
});

/** With so many batches at once Lambda begins to empty a queue; it takes its time to add others. */
const FIRST_CONCURRENCY = 5;

function queueFor(
  lambda: string,
  source: QueueSource & { delaySecondMs: number },
  lambdas: Lambdas,
  logger: Logger,
): Queue {
  const name = queueName(source.queue);
  return createQueue(
    // Somebody watches, so a retry comes sooner than on AWS.
    { maxConcurrency: FIRST_CONCURRENCY, ...source, name, hiddenMs: (receives) => 100 * 2 ** receives },
    {
      async invoke(event) {
        try {
          return await lambdas.invoke(lambda, event);
        } catch (error) {
          logger.error('the Lambda failed on a batch', {
            function: lambda,
            queue: name,
            messages: event.Records.length,
            error: error as Error,
          });
          throw error;
        }
      },
      deadLetter: ({ id, body, receives }) =>
        logger.error('dead letter', {
          functionArn: functionArn(lambda),
          queue: name,
          messageId: id,
          receives,
          body,
        }),
    },
  );
}
