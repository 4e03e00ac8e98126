/** Messages put into a queue: against a server on loopback that answers like SQS. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createQueueSender } from '../../../lambdas/aws/sqs.ts';
import { type Answer, status, useScriptedServer } from '../../support/scripted-server.ts';

const server = useScriptedServer();
const QUEUE_URL = 'https://sqs.eu-west-1.amazonaws.com/123456789012/reconcile';
const ACCESS = { region: 'eu-west-1', accessKeyId: 'A', secretAccessKey: 'S', sessionToken: 'T' };
const MESSAGE = { body: '{"userId":"alice"}', delaySeconds: 4 };

let answers: Answer[];
let pauses: number[];

const send = () =>
  createQueueSender({
    queueUrl: QUEUE_URL,
    endpoint: server.url,
    readAccess: () => ACCESS,
    clock: { now: () => 0, sleep: async (milliseconds) => void pauses.push(milliseconds) },
  })(MESSAGE);
const taken = status(200, {}, '{"MessageId":"m","MD5OfMessageBody":"x"}');
const fault = (code: number, type: string) => status(code, {}, JSON.stringify({ __type: type }));

beforeEach(() => {
  answers = [];
  pauses = [];
  server.answer = (request, response) => (answers.shift() ?? status(500))(request, response);
});

describe('a message', () => {
  it('is sent with its delay to the queue of that URL, in a signed request', async () => {
    answers = [taken];
    await send();
    const [request, ...others] = server.received;
    expect(others).toEqual([]);
    expect(request).toMatchObject({ method: 'POST', url: '/' });
    expect(JSON.parse(request?.body ?? '')).toEqual({
      QueueUrl: QUEUE_URL,
      MessageBody: MESSAGE.body,
      DelaySeconds: MESSAGE.delaySeconds,
    });
    expect(request?.headers).toMatchObject({
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'AmazonSQS.SendMessage',
      'x-amz-security-token': 'T',
      authorization: expect.stringMatching(/\/eu-west-1\/sqs\/aws4_request, .*x-amz-target/),
    });
  });

  it.each([
    ['a server error', status(503)],
    ['too many requests', status(429)],
    ['throttling', fault(400, 'com.amazonaws.sqs#RequestThrottled')],
    ['throttling by KMS', fault(400, 'com.amazonaws.sqs#KmsThrottled')],
  ])('is sent again after %s, a little later each time', async (_, answer) => {
    answers = [answer, answer, taken];
    await send();
    expect(server.received).toHaveLength(3);
    expect(pauses).toHaveLength(2);
    expect(pauses[0]).toBeLessThanOrEqual(100);
    expect(pauses[1]).toBeLessThanOrEqual(200);
  });

  it('is sent again after a cut', async () => {
    const cut: Answer = (request) => request.socket.resetAndDestroy();
    answers = [cut, cut, taken];
    await send();
    expect(server.received).toHaveLength(3);
  });

  it.each([
    ['there is no such queue', 'com.amazonaws.sqs#QueueDoesNotExist'],
    ['it may not be sent', 'com.amazon.coral.service#AccessDeniedException'],
    ['SQS does not take it', 'com.amazonaws.sqs#InvalidMessageContents'],
  ])('is given up at once where %s, with the reason', async (_, type) => {
    answers = [fault(400, type)];
    await expect(send()).rejects.toThrow(type);
    expect(server.received).toHaveLength(1);
  });

  it('is given up after three tries', async () => {
    await expect(send()).rejects.toThrow('SQS answered 500');
    expect(server.received).toHaveLength(3);
  });
});
