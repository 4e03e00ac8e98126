/** What the suite leaves on a stack that others use: nothing, where it may delete. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { BatchWriteCommand, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, expect, it } from 'vitest';
import { findTables } from '../../../tools/verify/aws.ts';
import { deleteRows } from '../../../tools/verify/clean-up.ts';
import type { TargetSettings } from '../../../tools/verify/settings.ts';
import { useDynamoDb } from '../../support/dynoxide.ts';

const dynamodb = useDynamoDb();
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

const settings = (changes: Partial<TargetSettings>): TargetSettings => ({
  ...{
    wsUrl: 'ws://x',
    httpUrl: 'http://127.0.0.1:1',
    jwtSecret: 's',
    maxConnectionsPerUser: 10,
    backlog: 1,
  },
  ...changes,
});

it('every row of the users it made is deleted, and no other', async () => {
  const { client, tables, endpoint } = dynamodb();
  const put = (TableName: string, Item: Record<string, unknown>) =>
    client.send(new PutCommand({ TableName, Item }));
  for (const user of ['ours', 'theirs']) {
    await put(tables.connections, { userId: user, connectionId: 'c' });
    await put(tables.devices, { userId: user, deviceId: 'd' });
    await put(tables.publishes, { channel: `user:${user}`, idempotencyKey: 'k' });
    for (const first of [0, 25, 50]) {
      const rows = Array.from({ length: 25 }, (_, index) => ({
        channel: `user:${user}`,
        seq: first + index,
      }));
      const RequestItems = { [tables.messages]: rows.map((Item) => ({ PutRequest: { Item } })) };
      await client.send(new BatchWriteCommand({ RequestItems }));
    }
  }
  await deleteRows(
    settings({ endpointUrl: endpoint, tables: { ...tables, unknown: 'x' } }),
    ['ours'],
    ['ours'],
  );
  const left = async (TableName: string) => (await client.send(new ScanCommand({ TableName }))).Items ?? [];
  const rows = (await Promise.all(Object.values(tables).map(left))).flat();
  expect(rows.filter((row) => String(row.userId ?? row.channel).endsWith('ours'))).toEqual([]);
  expect(rows).toHaveLength(3 + 75);
});

async function lambdaApi(status: number, answer: unknown): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

it('the tables are those the notify Lambda knows', async () => {
  const Variables = { MESSAGES_TABLE: 'm', DEVICES_TABLE: 'd', CALLBACK_URL: 'x' };
  const endpointUrl = await lambdaApi(200, { Environment: { Variables } });
  expect(await findTables(settings({ endpointUrl, functionName: 'notify' }))).toEqual({
    messages: 'm',
    devices: 'd',
  });
});

it('where one may not ask for them, everything is left to lapse', async () => {
  const endpointUrl = await lambdaApi(403, { message: 'not authorized' });
  expect(await findTables(settings({ endpointUrl, functionName: 'notify' }))).toBeUndefined();
  expect(await findTables(settings({}))).toBeUndefined();
});
