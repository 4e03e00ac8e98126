/** A service's own row and the outbox's, in one transaction, and a stack that is killed at any moment. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, ScanCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { expect, it } from 'vitest';
import { type SpawnedStack, spawnStack } from '../../local/cli/spawn.ts';

const KILLS = Number(process.env.KILLS ?? 20);
const ORDERS = 60;
const SERVICES = 3;
const DEADLINE_MS = 60_000;

interface Resources {
  dynamodb: string;
  outboxTable: string;
  tables: Record<string, string>;
}

async function resourcesOf({ httpUrl }: SpawnedStack) {
  const resources = (await (await fetch(`${httpUrl}/local/resources`)).json()) as Resources;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new DynamoDBClient({
    endpoint: resources.dynamodb,
    region: 'us-east-1',
    credentials,
    maxAttempts: 1,
  });
  return { ...resources, client: DynamoDBDocumentClient.from(client) };
}
type Here = Awaited<ReturnType<typeof resourcesOf>>;

/** The orders stand in a table of ours that nothing reads: that of the members, under a user of their own. */
const orderRow = (order: string) => ({ userId: 'orders', topic: order });

/** Each third transaction is cancelled by its last part. What became of one that is not answered, the rows tell. */
async function order({ client, outboxTable, tables }: Here, name: string, isCancelled: boolean) {
  const notification = { to: { user: 'alice' }, type: 'order', data: name };
  const check = { ConditionExpression: 'attribute_exists(userId)', Key: orderRow('none') };
  await client.send(
    new TransactWriteCommand({
      TransactItems: [
        { Put: { TableName: tables.members, Item: orderRow(name) } },
        { Put: { TableName: outboxTable, Item: { id: name, notification } } },
        ...(isCancelled ? [{ ConditionCheck: { TableName: tables.members, ...check } }] : []),
      ],
    }),
  );
}

/** Services write orders until the stack is killed, after `fatal` of them. */
async function orderUntilKilled(stack: SpawnedStack, round: number, fatal: number): Promise<void> {
  const here = await resourcesOf(stack);
  const numbers = Array.from({ length: ORDERS }, (_, number) => number).values();
  let written = 0;
  const service = async () => {
    for (const number of numbers) {
      await order(here, `${round}/${number}`, number % 3 === 2).catch(() => {});
      written += 1;
      if (written === fatal) void stack.kill();
    }
  };
  await Promise.all(Array.from({ length: SERVICES }, service));
  await stack.kill();
  here.client.destroy();
}

async function rowsOf({ client }: Here, TableName: string | undefined): Promise<Record<string, unknown>[]> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName, ConsistentRead: true }));
  return Items;
}

async function publishedTo({ httpUrl }: SpawnedStack): Promise<string[]> {
  const ids: string[] = [];
  for (let after = 0; ; ) {
    const response = await fetch(`${httpUrl}/users/alice/messages?after=${after}&limit=1000`);
    const page = (await response.json()) as { messages: { id: string }[]; through: number; head: number };
    ids.push(...page.messages.map(({ id }) => id));
    if (page.through >= page.head) return ids;
    after = page.through;
  }
}

it(`what a transaction wrote is published exactly when it committed, kill -9 ${KILLS} times in a row`, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'herald-outbox-'));
  for (let round = 1; round <= KILLS; round++) {
    const stack = await spawnStack(['--quiet', '--data', directory]);
    await orderUntilKilled(stack, round, Math.ceil((ORDERS / (KILLS + 1)) * round));
  }
  const stack = await spawnStack(['--quiet', '--data', directory]);
  const here = await resourcesOf(stack);
  await expect.poll(() => rowsOf(here, here.outboxTable), { timeout: DEADLINE_MS }).toEqual([]);
  const orders = (await rowsOf(here, here.tables.members)).map(({ topic }) => String(topic));
  const published = await publishedTo(stack);
  here.client.destroy();
  await stack.stop();
  await rm(directory, { recursive: true });

  expect(orders.length).toBeGreaterThan(KILLS);
  expect(published.sort()).toEqual(orders.sort());
});
