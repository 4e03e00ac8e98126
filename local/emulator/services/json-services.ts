/** The AWS services that speak JSON to `POST /` and name the operation in a header: EventBridge, Secrets Manager and SQS. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../../../lambdas/domain/ports/logger.ts';
import type { AsyncInvoker } from '../async-invoker.ts';
import { AwsError, answerAwsError, answerJson, readBody } from '../http.ts';
import { ACCOUNT, REGION } from '../lambdas.ts';
import type { Queues } from '../queue/queues.ts';
import { type EventWatch, putEvents } from './event-bus.ts';
import { sendMessage, sendMessageBatch } from './queues.ts';

/** The largest message of a queue, each of its characters escaped, and what stands around it. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;

export interface Secret {
  name: string;
  value: string;
}

export const secretArn = (name: string): string =>
  `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:${name}-local0`;

export interface JsonServices {
  asyncInvoker: AsyncInvoker;
  ownEvents: EventWatch;
  queues: Queues;
  secret: Secret;
  logger: Logger;
}

export async function answerJsonService(
  services: JsonServices,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const input = parse(await readBody(request, MAX_BODY_BYTES));
    const output = run(services, String(request.headers['x-amz-target']), input);
    answerJson(response, 200, output, {
      // In the version of the protocol that it was asked in.
      'content-type': request.headers['content-type'] ?? 'application/x-amz-json-1.1',
      'x-amzn-requestid': randomUUID(),
    });
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    answerAwsError(response, error);
  }
}

function run(services: JsonServices, target: string, input: unknown): unknown {
  switch (target) {
    case 'AWSEvents.PutEvents':
      return putEvents(services, input);
    case 'secretsmanager.GetSecretValue':
      return getSecretValue(services.secret, input);
    case 'AmazonSQS.SendMessage':
      return sendMessage(services.queues, input);
    case 'AmazonSQS.SendMessageBatch':
      return sendMessageBatch(services.queues, input);
    default:
      throw new AwsError(400, 'UnknownOperationException', `The local stack does not answer ${target}`);
  }
}

function getSecretValue({ name, value }: Secret, input: unknown) {
  const id = (input as { SecretId?: unknown } | null)?.SecretId;
  const arn = secretArn(name);
  if (id !== name && id !== arn) {
    const message = "Secrets Manager can't find the specified secret.";
    throw new AwsError(400, 'ResourceNotFoundException', message);
  }
  return {
    ARN: arn,
    Name: name,
    SecretString: value,
    VersionId: '00000000-0000-0000-0000-000000000000',
    VersionStages: ['AWSCURRENT'],
  };
}

function parse(body: Buffer | undefined): unknown {
  if (!body) throw new AwsError(413, 'RequestEntityTooLargeException', 'The request is too large');
  try {
    return JSON.parse(body.toString('utf8') || '{}');
  } catch {
    throw new AwsError(400, 'SerializationException', 'The request is not JSON');
  }
}
