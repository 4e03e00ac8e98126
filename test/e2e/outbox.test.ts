/** The fourth door: rows that a service puts into the outbox together with what they tell of. */
import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  TransactWriteCommand,
} from '@aws-sdk/lib-dynamodb';
import { afterAll, describe, expect, it } from 'vitest';
import { Target } from './target.ts';

const target = new Target();

/** Longer than it takes a stream that has scaled to zero. */
const WAIT = { timeout: 45_000, interval: 50 };

describe.runIf(target.has('outbox'))('a row of the outbox', () => {
  let client: DynamoDBDocumentClient | undefined;
  const dynamodb = () => {
    client ??= DynamoDBDocumentClient.from(new DynamoDBClient(target.dynamodb));
    return client;
  };
  afterAll(() => client?.destroy());

  const outbox = () => target.settings.outbox as string;
  const put = (row: Record<string, unknown>) =>
    dynamodb().send(new PutCommand({ TableName: outbox(), Item: row }));
  const find = async (id: string) => {
    const get = { TableName: outbox(), Key: { id }, ConsistentRead: true };
    return (await dynamodb().send(new GetCommand(get))).Item;
  };
  const notificationTo = (user: string, data: unknown) => ({
    to: { user },
    type: 'test',
    data,
    retentionSeconds: 3600,
  });

  it('is published once its transaction commits, as a map or as JSON text, and then taken away', async () => {
    const user = target.newUser();
    const device = await target.device(user, 'phone');
    const ids = [`e2e-${randomUUID()}`, `e2e-${randomUUID()}`];
    const [asMap, asText] = [notificationTo(user, { n: [1, null, 'ü'] }), notificationTo(user, 'text')];
    await dynamodb().send(
      new TransactWriteCommand({
        TransactItems: [
          { Put: { TableName: outbox(), Item: { id: ids[0], notification: asMap } } },
          { Put: { TableName: outbox(), Item: { id: ids[1], notification: JSON.stringify(asText) } } },
        ],
      }),
    );
    await device.until(() => device.messages.length >= 2, 'both messages');
    const told = new Map(device.messages.map(({ id, data }) => [id, data]));
    expect(told).toEqual(
      new Map<unknown, unknown>([
        [ids[0], { n: [1, null, 'ü'] }],
        [ids[1], 'text'],
      ]),
    );
    for (const id of ids) await expect.poll(() => find(id), WAIT).toBeUndefined();
  });

  it('of a transaction that is cancelled is never published', async () => {
    const user = target.newUser();
    const device = await target.device(user, 'phone');
    const id = `e2e-${randomUUID()}`;
    const cancelled = dynamodb().send(
      new TransactWriteCommand({
        TransactItems: [
          { Put: { TableName: outbox(), Item: { id, notification: notificationTo(user, 'cancelled') } } },
          {
            ConditionCheck: {
              TableName: outbox(),
              Key: { id: `${id}-none` },
              ConditionExpression: 'attribute_exists(id)',
            },
          },
        ],
      }),
    );
    await expect(cancelled).rejects.toThrow('ConditionalCheckFailed');
    await put({ id: `${id}-fence`, notification: notificationTo(user, 'fence') });
    await device.until(() => device.messages.length > 0, 'the fence');
    expect(device.messages.map(({ data }) => data)).toEqual(['fence']);
  });

  it('is one message with what was published by another door with its id', async () => {
    const user = target.newUser();
    const id = `e2e-${randomUUID()}`;
    const notification = { ...notificationTo(user, 'once'), id };
    await target.post(notification);
    await put({ id, notification });
    await expect.poll(() => find(id), WAIT).toBeUndefined();
    expect((await target.publish(user, 'next')).seq).toBe(2);
  });

  it.each([
    ['without a notification', () => ({}), 'notification'],
    ['with a text that is not JSON', () => ({ notification: '{' }), 'notification'],
    ['with a wrong field', (user: string) => ({ notification: { to: { user }, typo: 1 } }), 'typo'],
    [
      'with another id inside',
      (user: string) => ({ notification: { ...notificationTo(user, 1), id: 'other' } }),
      'id',
    ],
  ])('that is wrong stays, and says why: %s', async (_what, rowOf, path) => {
    const id = `e2e-${randomUUID()}`;
    await put({ id, ...rowOf(target.newUser()) });
    await expect.poll(async () => (await find(id))?.failed, WAIT).toContain(path);
    await dynamodb().send(new DeleteCommand({ TableName: outbox(), Key: { id } }));
  });

  it('whose id stands for another message stays, and says so; mended it is published', async () => {
    const user = target.newUser();
    const id = `e2e-${randomUUID()}`;
    await target.post({ ...notificationTo(user, 'one'), id });
    await put({ id, notification: notificationTo(user, 'two') });
    await expect.poll(async () => (await find(id))?.failed, WAIT).toContain('another payload');
    await put({ id, notification: notificationTo(user, 'one') });
    await expect.poll(() => find(id), WAIT).toBeUndefined();
    expect((await target.publish(user, 'next')).seq).toBe(2);
  });
});
