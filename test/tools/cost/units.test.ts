/** Counts what each thing really costs on the local stack, so that the cost sheet cannot drift from the code. */
import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { expect, it } from 'vitest';
import { subscriptionRowOf } from '../../../lambdas/adapters/dynamodb/subscription-rows.ts';
import type { Client, SentFrame } from '../../../local/cli/client.ts';
import { TABLE_NAMES } from '../../../local/emulator/environment.ts';
import { readyConnection } from '../../../tools/bench/recorded-app.ts';
import {
  catchUpReadUnits,
  extraPublishWriteUnits,
  extraReplayFrames,
  FIRST_MARK,
  FRAME_OVERHEAD_BYTES,
  HISTORY,
  MARK,
  OUTBOX_ROW,
  PUBLISH_AGAIN,
  ROW_OVERHEAD_BYTES,
  SUBSCRIPTION_ROW_BYTES,
  UNANSWERED,
  UNITS,
  UNREAD_COUNT,
  type Units,
  WITHDRAWAL,
} from '../../../tools/cost/units.ts';
import { LOCAL_ACCESS } from '../../support/dynoxide.ts';
import { MeasuredStack, NOTHING, sum } from './measured-stack.ts';

const stack = new MeasuredStack();

/** As long as those of identity providers. */
const newUser = () => randomUUID();

const noFrames = () => 0;

/** With whom it is connected counts to what it costs, besides. */
async function publish(
  user: string,
  data: string,
  besides: Units = NOTHING,
  frames = noFrames,
  own: Units = UNITS.publish,
) {
  const expected = sum(own, besides);
  const units = await stack.measure(expected, frames, async () => {
    const response = await fetch(`${stack.httpUrl}/notifications`, {
      method: 'POST',
      body: JSON.stringify({ to: { user }, type: 'order.shipped', data, id: randomUUID() }),
    });
    expect(response.status).toBe(200);
  });
  return { units, expected };
}

it('a connect, a delivery, a ping and a disconnect, in ack mode auto', async () => {
  const user = newUser();
  await stack.acquaint(user);
  let client: Client | undefined;
  const frames = () => client?.frames.length ?? 0;
  const opened = await stack.measure(UNITS.connect, frames, async () => {
    client = await stack.open(user);
  });
  expect(opened).toEqual(UNITS.connect);

  const { units, expected } = await publish(user, 'hello', UNITS.deliver);
  await client?.event('message');
  expect({ ...units, frames: 1 }).toEqual(expected);

  const sent = 1; // the ping itself
  const pinged = await stack.measure(UNITS.ping, frames, async () => {
    client?.send({ action: 'ping' });
    await client?.event('pong');
  });
  expect({ ...pinged, frames: pinged.frames + sent }).toEqual(UNITS.ping);
  expect(await stack.left(client)).toEqual(UNITS.disconnect);
});

it('a delivery and its ack, in ack mode client', async () => {
  const user = newUser();
  await stack.acquaint(user);
  const client = await stack.connected(user, { ack: 'client' });
  const { units, expected } = await publish(user, 'hello', UNITS.deliverUnsettled);
  await client.event('message');
  expect({ ...units, frames: 1 }).toEqual(expected);
  const acknowledged = await stack.measure(UNITS.ack, noFrames, async () =>
    client.send({ action: 'ack', seq: 1 }),
  );
  expect({ ...acknowledged, frames: 1 }).toEqual(UNITS.ack);
  await stack.left(client);
});

it.each([100, 870, 900, 1500, 20_000])('a publish of %i bytes to somebody who is away', async (bytes) => {
  const user = newUser();
  await stack.acquaint(user);
  const { units, expected } = await publish(user, 'x'.repeat(bytes));
  expect(units).toEqual(sum(expected, { ...NOTHING, writeUnits: extraPublishWriteUnits(bytes) }));
});

it('a publish to somebody who was published to just before', async () => {
  const user = newUser();
  await stack.acquaint(user);
  await publish(user, 'hello');
  const { units, expected } = await publish(user, 'again', NOTHING, noFrames, PUBLISH_AGAIN);
  expect(units).toEqual(expected);
});

it('a message that nobody answers, when its time is over', async () => {
  const user = newUser();
  await stack.acquaint(user);
  const expected = sum(UNITS.publish, UNANSWERED);
  const units = await stack.measure(expected, noFrames, async () => {
    const escalate = { afterSeconds: 60 };
    const response = await fetch(`${stack.httpUrl}/notifications`, {
      method: 'POST',
      body: JSON.stringify({ to: { user }, type: 'order.late', data: 'hello', id: randomUUID(), escalate }),
    });
    expect(response.status).toBe(200);
  });
  expect(units).toEqual(expected);
});

it('a row of the outbox', async () => {
  const user = newUser();
  await stack.acquaint(user);
  const client = DynamoDBDocumentClient.from(
    new DynamoDBClient({ ...LOCAL_ACCESS, endpoint: stack.dynamodbUrl }),
  );
  const Item = { id: randomUUID(), notification: { to: { user }, type: 'order.shipped', data: 'hello' } };
  const units = await stack.measure(OUTBOX_ROW, noFrames, () =>
    client.send(new PutCommand({ TableName: TABLE_NAMES.outbox, Item })),
  );
  client.destroy();
  expect(units).toEqual(OUTBOX_ROW);
});

/** The user's device in mode `client`, which has so many messages of 500 bytes and has read none. */
async function withInbox(messages: number): Promise<Client> {
  const user = newUser();
  await stack.acquaint(user);
  const client = await stack.connected(user, { ack: 'client' });
  for (let count = 0; count < messages; count++) await publish(user, 'x'.repeat(500), UNITS.deliverUnsettled);
  await client.until(() => client.messages.length === messages, 'every message');
  return client;
}

/** What the stack answers to one frame by one frame, without what its queries of so many messages read. */
async function answered(client: Client, frame: SentFrame, expected: Units, queries: number[]) {
  const frames = () => client.frames.length;
  const rows = queries.reduce((sum, messages) => sum + catchUpReadUnits(messages, 500), 0);
  const { readUnits, ...others } = await stack.measure(expected, frames, async () => {
    const before = frames();
    client.send(frame);
    await client.until(() => frames() > before, 'the answer');
  });
  return { ...others, frames: others.frames + 1, readUnits: readUnits - rows };
}

it('a page of 20 of the inbox: one read of the log, and one of what is read', async () => {
  const client = await withInbox(20);
  const page = await answered(client, { action: 'history', limit: 20 }, HISTORY, [20]);
  expect(page).toEqual(HISTORY);
  await stack.left(client);
});

it('a page of the inbox with more unread than it holds, and marks', async () => {
  const client = await withInbox(20);
  const counted = sum(HISTORY, UNREAD_COUNT);
  const page = await answered(client, { action: 'history', limit: 6 }, counted, [7, 20]);
  expect(page).toEqual(counted);

  const first = sum(FIRST_MARK, UNREAD_COUNT);
  expect(await answered(client, { action: 'read', seqs: [1] }, first, [19])).toEqual(first);
  const marked = sum(MARK, UNREAD_COUNT);
  expect(await answered(client, { action: 'read', seqs: [2] }, marked, [18])).toEqual(marked);
  expect(await answered(client, { action: 'read', through: 20 }, MARK, [])).toEqual(MARK);
  await stack.left(client);
});

async function withdraw(user: string, expected: Units): Promise<Units> {
  return await stack.measure(expected, noFrames, async () => {
    const response = await fetch(`${stack.httpUrl}/users/${user}/messages/1`, { method: 'DELETE' });
    expect(await response.json()).toEqual({ withdrawn: [1] });
  });
}

it('a withdrawal from somebody who is away', async () => {
  const user = newUser();
  await stack.acquaint(user);
  await publish(user, 'hello');
  expect(await withdraw(user, WITHDRAWAL)).toEqual(WITHDRAWAL);
});

it('a withdrawal from somebody who is connected', async () => {
  const user = newUser();
  await stack.acquaint(user);
  const client = await stack.connected(user);
  await publish(user, 'hello', UNITS.deliver);
  const expected = sum(WITHDRAWAL, UNITS.deliver);
  const units = await withdraw(user, expected);
  await client.event('withdrawn');
  expect({ ...units, frames: 1 }).toEqual(expected);
  await stack.left(client);
});

it.each([
  [1, 100],
  [20, 500],
  [60, 1500],
  [400, 300],
])('catching up with %i messages of %i bytes', async (messages, bytes) => {
  const user = newUser();
  await stack.acquaint(user);
  for (let count = 0; count < messages; count++) await publish(user, 'x'.repeat(bytes));
  const expected = sum(UNITS.connect, UNITS.catchUp, {
    ...NOTHING,
    readUnits: catchUpReadUnits(messages, bytes),
    frames: extraReplayFrames(messages, bytes),
  });
  let client: Client | undefined;
  const frames = () => client?.frames.length ?? 0;
  const caughtUp = await stack.measure(expected, frames, async () => {
    client = await stack.open(user);
  });
  // Rows and frames are taken at their usual overhead: ids, types and times differ in length.
  const { readUnits, frames: heard, ...exact } = caughtUp;
  const { readUnits: expectedUnits, frames: expectedFrames, ...expectedExact } = expected;
  expect(exact).toEqual(expectedExact);
  expect(Math.abs(readUnits - expectedUnits)).toBeLessThanOrEqual(Math.ceil(expectedUnits * 0.05));
  expect(Math.abs(heard - expectedFrames)).toBeLessThanOrEqual(1);
  await stack.left(client);
});

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html */
const sizeOf = (row: Record<string, unknown>): number =>
  Object.entries(row).reduce((size, [name, value]) => size + name.length + valueSize(value), 0);

const valueSize = (value: unknown): number =>
  typeof value === 'number'
    ? Math.ceil(String(value).replace(/0+$/, '').length / 2) + 1
    : String(value).length;

it('what a subscription’s row holds', () => {
  const connection = {
    ...readyConnection(newUser(), 0),
    connectionId: 'Xk3vQf1_IAMCJ7w=',
    deviceId: newUser(),
  };
  const endpoint = 'https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod';
  const row = subscriptionRowOf(
    'topic:orders.emea',
    { ...connection, endpoint },
    { permitted: true, readyAt: 1 },
  );
  expect(sizeOf(row) / SUBSCRIPTION_ROW_BYTES).toBeGreaterThan(0.85);
  expect(sizeOf(row) / SUBSCRIPTION_ROW_BYTES).toBeLessThan(1.15);
});

it('what a row and a frame hold beside the data of a message', async () => {
  const user = newUser();
  await stack.acquaint(user);
  const data = 'x'.repeat(100);
  for (let count = 0; count < 2; count++) await publish(user, data);
  const dataBytes = JSON.stringify(data).length;

  const client = new DynamoDBClient({ ...LOCAL_ACCESS, endpoint: stack.dynamodbUrl });
  const { Items = [] } = await DynamoDBDocumentClient.from(client).send(
    new QueryCommand({
      TableName: TABLE_NAMES.messages,
      KeyConditionExpression: 'channel = :channel AND seq > :head',
      ExpressionAttributeValues: { ':channel': `user:${user}`, ':head': 0 },
    }),
  );
  client.destroy();
  expect(Items).toHaveLength(2);
  for (const row of Items)
    expect(Math.abs(sizeOf(row) - dataBytes - ROW_OVERHEAD_BYTES)).toBeLessThanOrEqual(5);

  const device = await stack.connected(user);
  const [message] = device.messages;
  const frameBytes = JSON.stringify(message).length + ','.length;
  expect(Math.abs(frameBytes - dataBytes - FRAME_OVERHEAD_BYTES)).toBeLessThanOrEqual(5);
  await stack.left(device);
});
