/** Events put on a bus: against a server on loopback that answers like EventBridge. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createEventBus } from '../../../lambdas/adapters/event-bus/event-bus.ts';
import { createEventSender } from '../../../lambdas/aws/event-bridge.ts';
import { createQuickClock, type QuickClock } from '../../support/quick-clock.ts';
import { type Answer, status, useScriptedServer } from '../../support/scripted-server.ts';

const server = useScriptedServer();
const ACCESS = { region: 'eu-west-1', accessKeyId: 'A', secretAccessKey: 'S', sessionToken: 'T' };
const DETAIL = { userId: 'alice', data: { text: 'grün 🌱' } };

let answers: Answer[];
let clock: QuickClock;

const put = () =>
  createEventBus(
    createEventSender({ busName: 'herald', endpoint: server.url, readAccess: () => ACCESS, clock }),
  ).put('Client Message', DETAIL);

const answer = (body: object | string): Answer =>
  status(200, {}, typeof body === 'string' ? body : JSON.stringify(body));
const taken = answer({ FailedEntryCount: 0, Entries: [{ EventId: 'e' }] });
const refused = (ErrorCode: string) => answer({ FailedEntryCount: 1, Entries: [{ ErrorCode }] });
const fault = (code: number, type: string) => status(code, {}, JSON.stringify({ __type: type }));

beforeEach(() => {
  answers = [];
  clock = createQuickClock();
  server.answer = (request, response) => (answers.shift() ?? status(500))(request, response);
});

describe('an event', () => {
  it('is put on the bus of that name as ours, in a signed request', async () => {
    answers = [taken];
    await put();
    const [request, ...others] = server.received;
    expect(others).toEqual([]);
    expect(JSON.parse(request?.body ?? '')).toEqual({
      Entries: [
        {
          EventBusName: 'herald',
          Source: 'herald',
          DetailType: 'Client Message',
          Detail: JSON.stringify(DETAIL),
        },
      ],
    });
    expect(request?.headers).toMatchObject({
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'AWSEvents.PutEvents',
      authorization: expect.stringMatching(/\/eu-west-1\/events\/aws4_request, .*x-amz-target/),
    });
  });

  it.each([
    ['a server error', status(503)],
    ['too many requests', status(429)],
    ['throttling', fault(400, 'ThrottlingException')],
    ['throttling of the entry alone', refused('ThrottlingException')],
    ['a failure of the entry alone', refused('InternalFailure')],
  ])('is put again after %s, a little later each time', async (_, passing) => {
    answers = [passing, passing, taken];
    await put();
    expect(server.received).toHaveLength(3);
    expect(clock.waits).toHaveLength(2);
  });

  it('is put again after a cut', async () => {
    const cut: Answer = (request) => request.socket.resetAndDestroy();
    answers = [cut, cut, taken];
    await put();
    expect(server.received).toHaveLength(3);
  });

  it.each([
    [
      'there is no such bus',
      fault(400, 'com.amazonaws.events#ResourceNotFoundException'),
      'ResourceNotFound',
    ],
    ['it may not be put', fault(400, 'AccessDeniedException'), 'AccessDenied'],
    ['the bus does not take the entry', refused('NotAuthorizedForSourceException'), 'NotAuthorizedForSource'],
  ])('is given up at once where %s, with the reason', async (_, final, reason) => {
    answers = [final];
    await expect(put()).rejects.toThrow(reason);
    expect(server.received).toHaveLength(1);
  });

  it.each(['{}', '', 'null', '<html>FailedEntryCount</html>', '{"FailedEntryCount":"0"}'])(
    'is not taken by an answer that does not say so: %j',
    async (body) => {
      server.answer = answer(body);
      await expect(put()).rejects.toThrow('EventBridge answered 200');
    },
  );

  it('is given up after three tries', async () => {
    server.answer = refused('ThrottlingException');
    await expect(put()).rejects.toThrow('ThrottlingException');
    expect(server.received).toHaveLength(3);
  });
});
