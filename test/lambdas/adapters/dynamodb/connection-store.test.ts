/** The contract of the connections, kept by memory and by DynamoDB; and what only DynamoDB's stream shows. */
import { describe, expect, it } from 'vitest';
import { type TestDynamoDb, useDynamoDb } from '../../../support/dynoxide.ts';
import { ownKey } from '../../../support/memory-tables.ts';
import { connectionStoreContract } from './connection-store.contract.ts';
import { connectionOf, inDynamoDb, inMemory } from './harness.ts';
import { recordsOfConnections } from './stream.ts';

describe('connections in memory', () => connectionStoreContract(inMemory));

describe('connections in DynamoDB', () => connectionStoreContract(inDynamoDb(useDynamoDb())));

describe('the stream of the connections', () => {
  const dynamodb = useDynamoDb();

  it('shows a request when a connection is added and when a replay is asked for, and none when it is ready', async () => {
    const { connections: store, subscriptions } = inDynamoDb(dynamodb)(Date.now);
    const expiresAt = Math.ceil(Date.now() / 1000 + 60) * 1000;
    const connection = connectionOf('alice', { expiresAt });
    const key = ownKey(connection);
    await store.add(connection, 'request-1');
    await subscriptions.markReady(key, 3);
    await subscriptions.requestReconcile(key, 'request-2', 42);
    await subscriptions.requestReconcile(key, 'request-3');
    await store.remove(connection);

    expect(await requestsInStream(dynamodb())).toEqual([
      ['INSERT', undefined, 'request-1', undefined],
      ['MODIFY', 'request-1', undefined, undefined],
      ['MODIFY', undefined, 'request-2', '42'],
      ['MODIFY', 'request-2', 'request-3', undefined],
      ['REMOVE', 'request-3', undefined, undefined],
    ]);
  });
});

/** Of each record: its name, the request before and after it, and where the replay is to start. */
const requestsInStream = async (running: TestDynamoDb) =>
  (await recordsOfConnections(running)).map(({ eventName, dynamodb: { OldImage, NewImage } = {} }) => [
    eventName,
    OldImage?.replayRequestId?.S,
    NewImage?.replayRequestId?.S,
    NewImage?.replayAfter?.N,
  ]);
