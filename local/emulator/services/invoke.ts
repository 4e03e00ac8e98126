/** Lambda's Invoke request: wait for the answer, put in the queue, or only check. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AsyncInvoker } from '../async-invoker.ts';
import { AwsError, answer, answerAwsError, readBody, unescaped } from '../http.ts';
import { functionArn, functionName, LambdaError, type Lambdas } from '../lambdas.ts';

const PATH = /^\/2015-03-31\/functions\/([^/?]+)\/invocations(?:\?|$)/;

/** https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_PAYLOAD_BYTES = 6 * 1024 * 1024;
const MAX_ASYNC_PAYLOAD_BYTES = 1024 * 1024;

export const isInvoke = (url: string): boolean => url.startsWith('/2015-03-31/functions/');

export async function answerInvoke(
  lambdas: Lambdas,
  asyncInvoker: AsyncInvoker,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const isAsync = request.headers['x-amz-invocation-type'] === 'Event';
    const body = await readBody(request, isAsync ? MAX_ASYNC_PAYLOAD_BYTES : MAX_PAYLOAD_BYTES);
    const name = parsePath(lambdas, request);
    if (!body) throw new AwsError(413, 'RequestTooLargeException', 'Request must be smaller');
    await invoke(lambdas, asyncInvoker, name, parsePayload(body), request, response);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    answerAwsError(response, error);
  }
}

async function invoke(
  lambdas: Lambdas,
  asyncInvoker: AsyncInvoker,
  name: string,
  event: unknown,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const type = request.headers['x-amz-invocation-type'] ?? 'RequestResponse';
  switch (type) {
    case 'DryRun':
      return answer(response, 204);
    case 'Event':
      return answer(response, 202, { 'x-amzn-requestid': asyncInvoker.invoke(name, event) });
    case 'RequestResponse':
      return await answerRun(lambdas, name, event, response);
    default:
      throw new AwsError(400, 'InvalidParameterValueException', `Unknown invocation type ${type}`);
  }
}

/** A Lambda that throws is answered with 200 too: the header tells. */
async function answerRun(
  lambdas: Lambdas,
  name: string,
  event: unknown,
  response: ServerResponse,
): Promise<void> {
  const requestId = randomUUID();
  const headers = {
    'content-type': 'application/json',
    'x-amzn-requestid': requestId,
    'x-amz-executed-version': '$LATEST',
  };
  try {
    const result = await lambdas.invoke(name, event, requestId);
    answer(response, 200, headers, JSON.stringify(result));
  } catch (error) {
    if (!(error instanceof LambdaError)) throw error;
    answer(response, 200, { ...headers, 'x-amz-function-error': 'Unhandled' }, JSON.stringify(error));
  }
}

function parsePath(lambdas: Lambdas, { method, url = '' }: IncomingMessage): string {
  const name = functionName(unescaped(PATH.exec(url)?.[1] ?? ''));
  if (method === 'POST' && lambdas.has(name)) return name;
  throw new AwsError(404, 'ResourceNotFoundException', `Function not found: ${functionArn(name)}`);
}

function parsePayload(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new AwsError(400, 'InvalidRequestContentException', 'Could not parse request body into json');
  }
}
