/** Who is called when nobody answers a message. */
import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVENTS_ON } from '../../tools/verify/settings.ts';
import { schemasOf } from '../support/schemas.ts';
import { type BusWatch, watchBus } from '../support/watch-bus.ts';
import { Target } from './target.ts';

const target = new Target(EVENTS_ON);
const check = schemasOf('asyncapi.yaml');
/** The least there is. */
const AFTER_SECONDS = 60;
/** A minute, unless the stack's queues are quicker, and what comes on top. */
const WAIT = { timeout: 110_000, interval: 50 };
const TEST_TIMEOUT_MS = 120_000;

describe.runIf(target.has('events'))('a message that is to be answered', { timeout: TEST_TIMEOUT_MS }, () => {
  let bus: BusWatch;
  beforeAll(async () => {
    bus = await watchBus(target.httpUrl);
  });
  afterAll(() => bus.stop());

  const calls = (user: string) =>
    bus.events.filter(
      ({ detail, ...event }) => event['detail-type'] === 'Message Unanswered' && detail.userId === user,
    );
  const urgent = (user: string, escalate: Record<string, unknown> = {}) => ({
    to: { user },
    type: 'order.late',
    data: { orderId: 1 },
    escalate: { afterSeconds: AFTER_SECONDS, ...escalate },
  });
  /** Whoever is called for a message of now: what was due before it is over then. */
  async function untilDue(): Promise<void> {
    const user = target.newUser('fence');
    await target.post(urgent(user));
    await expect.poll(() => calls(user).length, WAIT).toBe(1);
  }

  it('is told when no device has acknowledged it, once, and says so in its frame', async () => {
    const user = target.newUser();
    const phone = await target.device(user, 'phone', { ack: 'client' });
    const { body } = await target.post({ ...urgent(user), id: `e2e-${randomUUID()}` });
    expect(await phone.event('message')).toMatchObject({ seq: 1, ack: 'now' });
    await target.post({ ...urgent(user), id: body.id });
    await expect.poll(() => calls(user).length, WAIT).toBe(1);
    const [call] = calls(user);
    check('MessageUnanswered', call?.detail);
    expect(call).toMatchObject({
      source: 'herald',
      detail: {
        ...{ channel: `user:${user}`, seq: 1, id: body.id, type: 'order.late', data: { orderId: 1 } },
        devices: [{ deviceId: 'phone', cursor: 0, lastSeenAt: expect.any(Number) }],
      },
    });
    await untilDue();
    expect(calls(user)).toHaveLength(1);
  });

  it('is told of nobody who answered: by an ack, in mode auto by the post, or by reading it', async () => {
    const [acked, posted, read, ignored] = ['acked', 'posted', 'read', 'ignored'].map((name) =>
      target.newUser(name),
    ) as [string, string, string, string];
    const phone = await target.device(acked, 'phone', { ack: 'client' });
    await target.device(posted, 'phone');
    await target.device(ignored, 'phone');
    for (const user of [acked, posted]) await target.post(urgent(user));
    for (const user of [read, ignored]) await target.post(urgent(user, { unless: 'read' }));
    await phone.event('message');
    phone.send({ action: 'ack', seq: 1 });
    await target.request('PUT', `/users/${read}/read`, { through: 1 });
    await untilDue();
    expect([acked, posted, read].map((user) => calls(user).length)).toEqual([0, 0, 0]);
    // It was posted, but an ack is no answer to this one.
    await expect.poll(() => calls(ignored).length, WAIT).toBe(1);
  });

  it('is told of its origin, who passes it without an ack, and not once it was withdrawn', async () => {
    const [origin, withdrawn] = [target.newUser('origin'), target.newUser('withdrawn')];
    await target.device(origin, 'laptop');
    await target.post({ ...urgent(origin), excludeDeviceId: 'laptop' });
    await target.post(urgent(withdrawn));
    await target.request('DELETE', `/users/${withdrawn}/messages/1`);
    await expect.poll(() => calls(origin).length, WAIT).toBe(1);
    await untilDue();
    expect(calls(withdrawn)).toEqual([]);
  });

  it.runIf(target.has('bus') && target.has('functionName') && target.has('outbox'))(
    'may come through any door: an event, an Invoke, the outbox, a client',
    async () => {
      const users = ['bus', 'invoke', 'outbox', 'client'].map((door) => target.newUser(door));
      const [byBus, byInvoke, byOutbox, byClient] = users as [string, string, string, string];
      const events = new EventBridgeClient(target.aws);
      await events.send(
        new PutEventsCommand({
          Entries: [
            {
              EventBusName: target.settings.bus,
              ...{ Source: 'orders', DetailType: 'Notification', Detail: JSON.stringify(urgent(byBus)) },
            },
          ],
        }),
      );
      const lambda = new LambdaClient(target.aws);
      const Payload = JSON.stringify(urgent(byInvoke));
      await lambda.send(new InvokeCommand({ FunctionName: target.settings.functionName, Payload }));
      const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient(target.dynamodb));
      const Item = { id: `e2e-${randomUUID()}`, notification: urgent(byOutbox) };
      await dynamodb.send(new PutCommand({ TableName: target.settings.outbox, Item }));
      const token = target.tokenWith(byClient, { publish: [`user:${byClient}`] });
      const sender = await target.open(byClient, { token });
      sender.send({ action: 'publish', ref: 'p', ...urgent(byClient) });
      expect(await sender.event('published')).toMatchObject({ ref: 'p' });
      for (const user of users) await expect.poll(() => calls(user).length, WAIT).toBe(1);
      for (const client of [events, lambda, dynamodb]) client.destroy();
    },
  );

  it('goes to a user or users, within the limits', async () => {
    const refused = async (notification: object) => {
      const { status, body } = await target.post<{ errors: unknown }>(notification);
      return { status, errors: body.errors };
    };
    const user = target.newUser();
    for (const to of [{ topic: target.newTopic() }, { everyone: true }])
      expect(await refused({ ...urgent(user), to })).toEqual({
        status: 400,
        errors: [
          { path: 'escalate', message: 'expected none: only a message to a user or users is escalated' },
        ],
      });
    expect(await refused(urgent(user, { afterSeconds: 59, unless: 'seen' }))).toEqual({
      status: 400,
      errors: [
        { path: 'escalate.afterSeconds', message: 'expected an integer from 60 to 43200' },
        { path: 'escalate.unless', message: 'expected "acked" or "read"' },
      ],
    });
  });
});
