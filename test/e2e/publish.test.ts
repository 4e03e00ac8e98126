import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { describe, expect, it } from 'vitest';
import type { PublishAnswer } from '../../lambdas/domain/publish/publish.ts';
import { userPath } from '../../lambdas/protocol/user-path.ts';
import { range, Target } from './target.ts';

const target = new Target();

describe('a published message', () => {
  it('reaches every device of its user at once, but the one that caused it, and nobody else', async () => {
    const [alice, bob] = [target.newUser('alice'), target.newUser('bob')];
    const [phone, laptop, other] = await Promise.all([
      target.device(alice, 'phone'),
      target.device(alice, 'laptop'),
      target.device(bob, 'phone'),
    ]);
    const result = await target.publish(alice, { n: 1 }, { excludeDeviceId: 'laptop' });
    expect(result).toEqual({
      ...{ channel: `user:${alice}`, userId: alice, seq: 1, duplicate: false },
      ...{ connections: 2, sent: 1, excluded: 1, gone: 0, deferred: 0, queued: 0 },
    });
    expect(await phone.event('message')).toMatchObject({ channel: `user:${alice}`, seq: 1, data: { n: 1 } });
    // A later message that all get proves that nothing else was on its way.
    await Promise.all([target.publish(alice, 'fence'), target.publish(bob, 'fence')]);
    await Promise.all([laptop.event('message'), other.event('message')]);
    expect(laptop.messages.map(({ data }) => data)).toEqual(['fence']);
    expect(other.messages.map(({ data }) => data)).toEqual(['fence']);
  });

  it.runIf(target.has('bus'))('comes in by an event on the bus', async () => {
    const user = target.newUser();
    const device = await target.device(user, 'phone');
    const bus = new EventBridgeClient(target.aws);
    const { FailedEntryCount, Entries } = await bus.send(
      new PutEventsCommand({
        Entries: [
          {
            EventBusName: target.settings.bus,
            Source: 'orders',
            DetailType: 'Notification',
            Detail: JSON.stringify({ to: { user }, type: 'order.shipped', data: { by: 'bus' } }),
          },
        ],
      }),
    );
    expect(Entries?.[0]?.ErrorMessage).toBeUndefined();
    expect(FailedEntryCount).toBe(0);
    expect(await device.event('message')).toMatchObject({ id: Entries?.[0]?.EventId, data: { by: 'bus' } });
  });

  it.runIf(target.has('functionName'))('comes in by an Invoke', async () => {
    const user = target.newUser();
    const device = await target.device(user, 'phone');
    const lambda = new LambdaClient(target.aws);
    const { Payload, FunctionError } = await lambda.send(
      new InvokeCommand({
        FunctionName: target.settings.functionName,
        Payload: JSON.stringify({ to: { user }, type: 'order.shipped', data: { by: 'invoke' } }),
      }),
    );
    expect(FunctionError).toBeUndefined();
    const answer: PublishAnswer = JSON.parse(Buffer.from(Payload ?? []).toString());
    expect(answer.results).toMatchObject([{ userId: user, seq: 1, sent: 1 }]);
    expect(await device.event('message')).toMatchObject({ id: answer.id, data: { by: 'invoke' } });
  });

  it('reaches each of a hundred users', async () => {
    const users = range(1, 100).map((number) => target.newUser(`user-${number}`));
    const { status, body } = await target.post({ to: { users }, type: 'test', data: null });
    expect(status).toBe(200);
    expect(body.results.map(({ userId, seq }) => ({ userId, seq }))).toEqual(
      users.map((userId) => ({ userId, seq: 1 })),
    );
  });

  it('is one message, however often it is published with the same id', async () => {
    const user = target.newUser();
    const device = await target.device(user, 'phone');
    const notification = { to: { user }, type: 'test', data: { a: 1, b: 2 }, id: 'once' };
    const answers = await Promise.all(range(1, 5).map(() => target.post(notification)));
    expect(answers.map(({ body }) => body.results[0]?.seq)).toEqual([1, 1, 1, 1, 1]);
    expect(answers.filter(({ body }) => !body.results[0]?.duplicate)).toHaveLength(1);
    const reordered = { ...notification, data: { b: 2, a: 1 }, id: undefined };
    expect((await target.post(reordered, { 'idempotency-key': 'once' })).body.results[0]).toMatchObject({
      seq: 1,
      duplicate: true,
    });
    await target.publish(user, 'fence');
    await device.until(() => device.messages.some(({ data }) => data === 'fence'), 'the fence');
    expect(new Set(device.messages.map(({ seq }) => seq))).toEqual(new Set([1, 2]));
  });

  it('is refused with 409 when its id stands for another payload', async () => {
    const user = target.newUser();
    await target.publish(user, 'one', { id: 'key' });
    const { status, type, body } = await target.post({ to: { user }, type: 'test', data: 'two', id: 'key' });
    expect({ status, type }).toEqual({ status: 409, type: 'application/problem+json' });
    expect(body).toMatchObject({ status: 409, errors: [{ path: 'id' }] });
    expect((await target.publish(user, 'next')).seq).toBe(2);
  });
});

describe('fifty publishers at once', () => {
  it('end with fifty dense seqs, and each device has all fifty in order', async () => {
    const user = target.newUser();
    const phone = await target.device(user, 'phone');
    await target.device(user, 'laptop').then((laptop) => laptop.close());
    const results = await target.publishAll(user, range(1, 50), 50);
    expect(results.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(range(1, 50));
    await phone.until(() => new Set(phone.messages.map(({ seq }) => seq)).size === 50, 'all fifty');
    const laptop = await target.device(user, 'laptop');
    expect(laptop.messages.map(({ seq }) => seq)).toEqual(range(1, 50));
  });
});

describe('a publisher that asks for the impossible', () => {
  const user = 'nobody';
  const bad: [string, unknown, number, string][] = [
    ['a body that is not JSON', '{', 400, ''],
    ['no recipient', { type: 'test', data: 1 }, 400, 'to'],
    ['both kinds of recipient', { to: { user, users: [user] }, type: 'test' }, 400, 'to'],
    ['an empty list', { to: { users: [] }, type: 'test' }, 400, 'to.users'],
    ['101 users', { to: { users: range(1, 101).map(String) }, type: 'test' }, 400, 'to.users'],
    ['no type', { to: { user } }, 400, 'type'],
    ['a malformed type', { to: { user }, type: 'not a type' }, 400, 'type'],
    ['too short a retention', { to: { user }, type: 'test', retentionSeconds: 59 }, 400, 'retentionSeconds'],
    ['a misspelt field', { to: { user }, type: 'test', exludeDeviceId: 'x' }, 400, 'exludeDeviceId'],
    ['data of 33,000 bytes', { to: { user }, type: 'test', data: 'x'.repeat(33_000) }, 413, 'data'],
  ];

  it.each(bad)('is refused: %s', async (_name, notification, status, path) => {
    const answer = await target.post<{ errors: { path: string }[] }>(notification);
    expect(answer).toMatchObject({ status, type: 'application/problem+json', body: { status } });
    expect(answer.body.errors.map((error) => error.path)).toEqual([path]);
  });

  it('stores nothing', async () => {
    const stranger = target.newUser();
    const refused = await target.post({ to: { users: [stranger, ''] }, type: 'test', data: 1 });
    expect(refused.status).toBe(400);
    const { body } = await target.request('GET', `/users/${userPath(stranger)}/messages`);
    expect(body).toEqual({ messages: [], through: 0, head: 0 });
  });

  it('gets 404 for a path that is none', async () => {
    expect((await target.request('POST', '/nothing', {})).status).toBe(404);
  });
});
