/**
 * SQS's SendMessage and SendMessageBatch.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
 */
import { isRecord } from '../../../lambdas/protocol/json.ts';
import { AwsError } from '../http.ts';
import { md5 } from '../queue/message.ts';
import type { Queue } from '../queue/queue.ts';
import type { Queues } from '../queue/queues.ts';

/** Of one message, and of all the messages of a batch together. */
const MAX_BODY_BYTES = 1024 * 1024;
const MAX_DELAY_SECONDS = 900;
const MAX_ENTRIES = 10;
/** What XML has no character for. */
const UNSENDABLE = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u;
/** Letters, digits and punctuation. */
const GROUP_ID = /^[!-~]{1,128}$/;
const ENTRY_ID = /^[\w-]{1,80}$/;

export function sendMessage(queues: Queues, input: unknown) {
  const { QueueUrl, ...message } = recordOf(input);
  return send(queueOf(queues, QueueUrl), message);
}

/** Entries stand alone: one that is wrong is reported, and the others are taken. */
export function sendMessageBatch(queues: Queues, input: unknown) {
  const { QueueUrl, Entries } = recordOf(input);
  const queue = queueOf(queues, QueueUrl);
  const outcomes = entriesOf(Entries).map((entry) => sendEntry(queue, entry));
  const failed = outcomes.filter((outcome) => 'Code' in outcome);
  return {
    Successful: outcomes.filter((outcome) => !('Code' in outcome)),
    ...(failed.length > 0 && { Failed: failed }),
  };
}

function sendEntry(queue: Queue, { Id, ...message }: Record<string, unknown>) {
  try {
    return { Id, ...send(queue, message) };
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return { Id, SenderFault: true, Code: error.type, Message: error.message };
  }
}

/** Throws for what makes SQS refuse the batch as a whole. */
function entriesOf(value: unknown): Record<string, unknown>[] {
  const entries = Array.isArray(value) ? value.map(recordOf) : [];
  if (entries.length === 0)
    throw new AwsError(400, 'EmptyBatchRequest', 'There should be at least one entry in the request.');
  if (entries.length > MAX_ENTRIES) {
    const message = `Maximum number of entries per request are ${MAX_ENTRIES}. You have sent ${entries.length}.`;
    throw new AwsError(400, 'TooManyEntriesInBatchRequest', message);
  }
  const ids = entries.map(({ Id }) => Id);
  const wrong = ids.find((id) => typeof id !== 'string' || !ENTRY_ID.test(id));
  if (ids.includes(wrong))
    throw new AwsError(400, 'InvalidBatchEntryId', `${wrong} is no id of a batch entry.`);
  if (new Set(ids).size < ids.length)
    throw new AwsError(400, 'BatchEntryIdsNotDistinct', 'Two entries of the batch have the same Id.');
  const bytes = entries.reduce((sum, { MessageBody }) => sum + Buffer.byteLength(String(MessageBody)), 0);
  if (bytes > MAX_BODY_BYTES) {
    const message = `Batch requests cannot be longer than ${MAX_BODY_BYTES} bytes. You have sent ${bytes} bytes.`;
    throw new AwsError(400, 'BatchRequestTooLong', message);
  }
  return entries;
}

const recordOf = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {});

function queueOf(queues: Queues, queueUrl: unknown): Queue {
  const queue = queues.find(String(queueUrl).split('/').at(-1) ?? '');
  if (queue !== undefined) return queue;
  throw new AwsError(400, 'QueueDoesNotExist', `The specified queue does not exist: ${queueUrl}`);
}

function send(queue: Queue, { MessageBody, DelaySeconds = 0, MessageGroupId }: Record<string, unknown>) {
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
  if (MessageGroupId !== undefined && !isGroupId(MessageGroupId)) {
    const message = `MessageGroupId is ${MessageGroupId}, expected 1 to 128 letters, digits and punctuation.`;
    throw new AwsError(400, 'InvalidParameterValue', message);
  }
  const MessageId = queue.send(MessageBody, DelaySeconds, MessageGroupId);
  return { MessageId, MD5OfMessageBody: md5(MessageBody) };
}

const isDelay = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_DELAY_SECONDS;

const isGroupId = (value: unknown): value is string => typeof value === 'string' && GROUP_ID.test(value);
