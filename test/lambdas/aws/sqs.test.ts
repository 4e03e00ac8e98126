/** Messages put into a queue: against a server on loopback that answers like SQS. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createBatchSender, createQueueSender, type SqsMessage } from '../../../lambdas/aws/sqs.ts';
import { type Answer, status, useScriptedServer } from '../../support/scripted-server.ts';

const server = useScriptedServer();
const QUEUE_URL = 'https://sqs.eu-west-1.amazonaws.com/123456789012/reconcile';
const ACCESS = { region: 'eu-west-1', accessKeyId: 'A', secretAccessKey: 'S', sessionToken: 'T' };
const MESSAGE = { body: '{"userId":"alice"}', delaySeconds: 4 };

let answers: Answer[];
let pauses: number[];

const options = () => ({
  queueUrl: QUEUE_URL,
  endpoint: server.url,
  readAccess: () => ACCESS,
  clock: { now: () => 0, sleep: async (milliseconds: number) => void pauses.push(milliseconds) },
});
const send = (message: SqsMessage = MESSAGE) => createQueueSender(options())(message);
const sendAll = (messages: SqsMessage[]) => createBatchSender(options())(messages);
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

interface Entry {
  Id: string;
  MessageBody: string;
  DelaySeconds: number;
  MessageGroupId?: string;
}

/** What each request of this test held. */
const requests = (): { QueueUrl: string; Entries: Entry[] }[] =>
  server.received.map(({ body }) => JSON.parse(body));
const bodiesOf = (entries: Entry[]) => entries.map(({ MessageBody }) => MessageBody);
const messagesOf = (count: number): SqsMessage[] =>
  Array.from({ length: count }, (_none, index) => ({ body: `m${index}`, delaySeconds: 0, groupId: 'g' }));

/** Takes the entries that `isTaken` names, as SQS does: each for itself. */
const taking =
  (isTaken: (entry: Entry) => boolean): Answer =>
  (request, response) => {
    const { Entries } = requests().at(-1) ?? { Entries: [] };
    const Successful = Entries.filter(isTaken).map(({ Id }) => ({ Id, MessageId: `id-${Id}` }));
    const Failed = Entries.filter((entry) => !isTaken(entry)).map(({ Id }) => ({
      Id,
      Code: 'InternalError',
      SenderFault: false,
    }));
    const answer = { Successful, ...(Failed.length > 0 && { Failed }) };
    status(200, {}, JSON.stringify(answer))(request, response);
  };
const takingAll = taking(() => true);

describe('many messages', () => {
  it('are sent in requests of at most ten, each once, with their delays and groups', async () => {
    server.answer = takingAll;
    const messages = messagesOf(95).map((message, index) => ({ ...message, delaySeconds: index }));
    await sendAll(messages);
    expect(requests().map(({ QueueUrl }) => QueueUrl)).toEqual(Array(10).fill(QUEUE_URL));
    const entries = requests().flatMap(({ Entries }) => Entries);
    expect(new Set(bodiesOf(entries))).toEqual(new Set(messages.map(({ body }) => body)));
    expect(entries).toHaveLength(95);
    for (const { MessageBody, DelaySeconds, MessageGroupId } of entries)
      expect([MessageBody, MessageGroupId]).toEqual([`m${DelaySeconds}`, 'g']);
    for (const { Entries } of requests())
      expect(new Set(Entries.map(({ Id }) => Id)).size).toBe(Entries.length);
    expect(server.received[0]?.headers['x-amz-target']).toBe('AmazonSQS.SendMessageBatch');
  });

  it('have no group where none is named', async () => {
    server.answer = takingAll;
    await sendAll([MESSAGE]);
    expect(requests()[0]?.Entries[0]).not.toHaveProperty('MessageGroupId');
  });

  it('are none: nothing is sent', async () => {
    await sendAll([]);
    expect(server.received).toEqual([]);
  });

  it('that the queue did not take are sent again, and only these, after a pause', async () => {
    let asked = 0;
    server.answer = (request, response) => {
      asked += 1;
      const answer = asked === 1 ? taking(({ MessageBody }) => MessageBody !== 'm3') : takingAll;
      answer(request, response);
    };
    await sendAll(messagesOf(10));
    expect(requests().map(({ Entries }) => bodiesOf(Entries))).toEqual([
      messagesOf(10).map(({ body }) => body),
      ['m3'],
    ]);
    expect(pauses).toHaveLength(1);
  });

  it('are given up where the queue never takes one of them', async () => {
    server.answer = taking(({ MessageBody }) => MessageBody !== 'm3');
    await expect(sendAll(messagesOf(10))).rejects.toThrow('SQS did not take 1 of 10 messages');
    expect(server.received).toHaveLength(3);
  });

  it.each(['{}', '{"Successful":[]}', 'no JSON'])(
    'are not taken by an answer that does not say so: %s',
    async (body) => {
      server.answer = status(200, {}, body);
      await expect(sendAll(messagesOf(2))).rejects.toThrow();
      expect(server.received).toHaveLength(3);
    },
  );

  it('are given up at once where they may not be sent', async () => {
    server.answer = fault(400, 'com.amazon.coral.service#AccessDeniedException');
    await expect(sendAll(messagesOf(2))).rejects.toThrow('AccessDenied');
    expect(server.received).toHaveLength(1);
  });
});
