/** The contract of the connections, kept by memory and by DynamoDB; and what only DynamoDB's stream shows. */
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListStreamsCommand,
} from '@aws-sdk/client-dynamodb-streams';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { createConnectionStore } from '../../../../lambdas/adapters/dynamodb/connection-store.ts';
import type { ConnectionRow } from '../../../../lambdas/adapters/dynamodb/tables.ts';
import type { Connection } from '../../../../lambdas/domain/model.ts';
import { LOCAL_ACCESS, type TestDynamoDb, useDynamoDb } from '../../../support/dynoxide.ts';
import { createMemoryConnectionStore } from '../../../support/memory-connection-store.ts';
import { connectionStoreContract } from './connection-store.contract.ts';

describe('connections in memory', () =>
  connectionStoreContract((now) => {
    const store = createMemoryConnectionStore(now);
    const pending = async (key: { userId: string; connectionId: string }) => {
      const request = store.pending(key);
      return request && { requestId: request.requestId, after: request.after };
    };
    return { store, pending };
  }));

describe('connections in DynamoDB', () => {
  const dynamodb = useDynamoDb();

  connectionStoreContract((now) => {
    const { dynamodb: ours, client, tables } = dynamodb();
    return {
      store: createConnectionStore(ours, tables.connections, now),
      async pending({ userId, connectionId }) {
        const Key = { userId, connectionId };
        const { Item } = await client.send(new GetCommand({ TableName: tables.connections, Key }));
        const row = Item as ConnectionRow | undefined;
        return row?.replayRequestId === undefined
          ? undefined
          : { requestId: row.replayRequestId, after: row.replayAfter };
      },
    };
  });
});

describe('the stream of the connections', () => {
  const dynamodb = useDynamoDb();

  it('shows a request when a connection is added and when a replay is asked for, and none when it is ready', async () => {
    const { dynamodb: ours, tables } = dynamodb();
    const store = createConnectionStore(ours, tables.connections, Date.now);
    const connection: Connection = {
      userId: 'alice',
      connectionId: 'Xk3vQf1_IAMCJ7w=',
      deviceId: 'phone',
      dialect: 'herald.v1',
      ackMode: 'auto',
      handover: false,
      connectedAt: 1,
      tokenExpiresAt: 2,
      endpoint: 'https://host/prod',
      readyAt: undefined,
      startsAt: undefined,
      paused: undefined,
      bye: undefined,
      expiresAt: Math.ceil(Date.now() / 1000 + 60) * 1000,
    };
    await store.add(connection, 'request-1');
    await store.markReady(connection, 3);
    await store.requestReconcile(connection, 'request-2', 42);
    await store.requestReconcile(connection, 'request-3');
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
async function requestsInStream({ endpoint, tables }: TestDynamoDb) {
  const streams = new DynamoDBStreamsClient({ ...LOCAL_ACCESS, endpoint });
  const { Streams } = await streams.send(new ListStreamsCommand({ TableName: tables.connections }));
  const StreamArn = Streams?.[0]?.StreamArn;
  const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
  const ShardId = StreamDescription?.Shards?.[0]?.ShardId;
  const { ShardIterator } = await streams.send(
    new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
  );
  const { Records = [] } = await streams.send(new GetRecordsCommand({ ShardIterator }));
  streams.destroy();
  return Records.map(({ eventName, dynamodb: { OldImage, NewImage } = {} }) => [
    eventName,
    OldImage?.replayRequestId?.S,
    NewImage?.replayRequestId?.S,
    NewImage?.replayAfter?.N,
  ]);
}
