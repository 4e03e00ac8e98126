/** SQS's SendMessage. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
import { AwsError } from '../http.ts';
import { md5 } from '../queue/message.ts';
import type { Queues } from '../queue/queues.ts';

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_DELAY_SECONDS = 900;
/** What XML has no character for. */
const UNSENDABLE = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u;

export function sendMessage(queues: Queues, input: unknown) {
  const { QueueUrl, MessageBody, DelaySeconds = 0 } = (input ?? {}) as Record<string, unknown>;
  const queue = queues.find(String(QueueUrl).split('/').at(-1) ?? '');
  if (queue === undefined) {
    throw new AwsError(400, 'QueueDoesNotExist', `The specified queue does not exist: ${QueueUrl}`);
  }
  if (typeof MessageBody !== 'string' || MessageBody === '') {
    throw new AwsError(400, 'MissingParameter', 'The request must contain the parameter MessageBody.');
  }
  if (Buffer.byteLength(MessageBody) > MAX_BODY_BYTES) {
    throw new AwsError(400, 'InvalidParameterValue', `MessageBody must be at most ${MAX_BODY_BYTES} bytes.`);
  }
  if (UNSENDABLE.test(MessageBody)) {
    throw new AwsError(400, 'InvalidMessageContents', 'MessageBody holds characters that are not allowed.');
  }
  if (!isDelay(DelaySeconds)) {
    const message = `DelaySeconds is ${DelaySeconds}, expected an integer from 0 to ${MAX_DELAY_SECONDS}.`;
    throw new AwsError(400, 'InvalidParameterValue', message);
  }
  return { MessageId: queue.send(MessageBody, DelaySeconds), MD5OfMessageBody: md5(MessageBody) };
}

const isDelay = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_DELAY_SECONDS;
