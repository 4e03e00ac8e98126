/** One message of a queue, and what a Lambda receives of it. */
import { createHash, randomUUID } from 'node:crypto';
import type { SQSRecord } from 'aws-lambda';
import { ACCOUNT, REGION } from '../lambdas.ts';

export interface Message {
  readonly id: string;
  readonly body: string;
  /** A queue serves its groups fairly. Undefined: it is of none. */
  readonly groupId: string | undefined;
  readonly sentAt: number;
  /** How often it was handed to a Lambda. */
  receives: number;
  firstReceivedAt: number | undefined;
}

export const createMessage = (body: string, groupId?: string): Message => ({
  id: randomUUID(),
  body,
  groupId,
  sentAt: Date.now(),
  receives: 0,
  firstReceivedAt: undefined,
});

export const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** Counts as one receive. https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html */
export function receive(queueName: string, message: Message): SQSRecord {
  message.receives++;
  message.firstReceivedAt ??= Date.now();
  return {
    messageId: message.id,
    receiptHandle: randomUUID(),
    body: message.body,
    attributes: {
      ApproximateReceiveCount: String(message.receives),
      SentTimestamp: String(message.sentAt),
      SenderId: ACCOUNT,
      ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
      ...(message.groupId !== undefined && { MessageGroupId: message.groupId }),
    },
    messageAttributes: {},
    md5OfBody: md5(message.body),
    eventSource: 'aws:sqs',
    eventSourceARN: `arn:aws:sqs:${REGION}:${ACCOUNT}:${queueName}`,
    awsRegion: REGION,
  };
}
