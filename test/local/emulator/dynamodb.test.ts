/** The DynamoDB server the local stack and the tests run on: it starts, keeps what it was given, and never outlives us. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeTableCommand, DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { TABLES, type TableNames } from '../../../lambdas/adapters/dynamodb/tables.ts';
import { type DynamoDbServer, startDynamoDb } from '../../../local/emulator/dynamodb.ts';
import { createTables } from '../../../local/emulator/tables.ts';
import { LOCAL_ACCESS, uniqueTableNames } from '../../support/dynoxide.ts';
import type { WriterInput } from './writer-program.ts';

let folder: string;
const open: { server: DynamoDbServer; client: DynamoDBClient }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dynamodb-server-'));
});

beforeEach(() => {
  vi.stubEnv('DYNAMODB_ENDPOINT', '');
});

afterEach(async () => {
  for (const { server, client } of open.splice(0)) {
    client.destroy();
    await server.stop();
  }
  vi.unstubAllEnvs();
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function start(dataFile?: string) {
  const server = await startDynamoDb({ dataFile });
  const client = new DynamoDBClient({ ...LOCAL_ACCESS, endpoint: server.endpoint });
  open.push({ server, client });
  return { server, client };
}

/** A process that starts a server and writes one row. Returns the server's address. */
async function startWriter(input: WriterInput) {
  const program = join(import.meta.dirname, 'writer-program.ts');
  const writer = spawn(process.execPath, [program, JSON.stringify(input)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(writer, 'exit');
  const [endpoint] = await Promise.race([
    once(writer.stdout, 'data'),
    ended.then(([code]) => Promise.reject(new Error(`the writer ended with ${code}`))),
  ]);
  return { writer, ended, endpoint: String(endpoint) };
}

const isUp = (endpoint: string) =>
  fetch(endpoint).then(
    () => true,
    () => false,
  );

it('ends with the process that started it, even if that is killed, and keeps every row it accepted', async () => {
  const dataFile = join(folder, 'kept.db');
  const tables = uniqueTableNames();
  const item = { channel: { S: 'user:alice' }, seq: { N: '1' } };
  const { writer, ended, endpoint } = await startWriter({ access: LOCAL_ACCESS, dataFile, tables, item });
  expect(await isUp(endpoint)).toBe(true);
  writer.kill('SIGKILL');
  await ended;
  await vi.waitFor(async () => expect(await isUp(endpoint)).toBe(false), 5000);

  const { client } = await start(dataFile);
  await createTables(client, tables);
  const { Item } = await client.send(new GetItemCommand({ TableName: tables.messages, Key: item }));
  expect(Item).toEqual(item);
});

it('creates the tables as they are on AWS', async () => {
  const { client } = await start();
  const tables = uniqueTableNames();
  await createTables(client, tables);
  for (const name of Object.keys(TABLES) as (keyof TableNames)[]) {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: tables[name] }));
    expect(Table?.BillingModeSummary?.BillingMode).toBe('PAY_PER_REQUEST');
    const { partition, sort, index } = TABLES[name];
    expect(Table?.KeySchema?.map(({ AttributeName }) => AttributeName)).toEqual(
      sort ? [partition.name, sort.name] : [partition.name],
    );
    expect(Table?.GlobalSecondaryIndexes?.map(({ IndexName, KeySchema }) => [IndexName, KeySchema])).toEqual(
      index && [
        [
          index.name,
          [
            { AttributeName: index.partition.name, KeyType: 'HASH' },
            { AttributeName: index.sort.name, KeyType: 'RANGE' },
          ],
        ],
      ],
    );
    expect(Table?.StreamSpecification?.StreamViewType).toBe(
      TABLES[name].stream ? 'NEW_AND_OLD_IMAGES' : undefined,
    );
  }
});

it('is down once it was stopped, and may be stopped twice', async () => {
  const { server } = await start();
  await server.stop();
  await server.stop();
  expect(await isUp(server.endpoint)).toBe(false);
});

it('says in one line why it cannot start', async () => {
  const dataFile = join(folder, 'broken.db');
  await writeFile(dataFile, 'this is no database'.repeat(100));
  const error = await startDynamoDb({ dataFile }).catch((error: unknown) => error);
  expect(error).toMatchObject({
    message: expect.stringMatching(/^The DynamoDB server ended as it started: .*not a valid SQLite.*$/),
  });
});

it('starts nothing when DYNAMODB_ENDPOINT names a server', async () => {
  const other = createServer((_request, response) => response.writeHead(400).end()).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const endpoint = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  vi.stubEnv('DYNAMODB_ENDPOINT', endpoint);
  const server = await startDynamoDb();
  expect(server.endpoint).toBe(endpoint);
  await server.stop();
  other.close();
});

it.each([
  ['nowhere', 'DYNAMODB_ENDPOINT is "nowhere", expected http://… or https://…'],
  ['http://127.0.0.1:1', 'DYNAMODB_ENDPOINT http://127.0.0.1:1 cannot be reached: '],
])('says what is wrong with DYNAMODB_ENDPOINT: %s', async (endpoint, line) => {
  vi.stubEnv('DYNAMODB_ENDPOINT', endpoint);
  await expect(startDynamoDb()).rejects.toThrow(line);
});
