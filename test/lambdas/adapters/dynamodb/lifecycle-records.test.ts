/** Which records of the Connections stream start a run of `lifecycle`, and what it finds in them. */
import type { DynamoDBRecord } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { connectionChangeIn } from '../../../../lambdas/adapters/dynamodb/lifecycle-records.ts';
import { createPendingStore } from '../../../../lambdas/adapters/dynamodb/pending-store.ts';
import { createSocketStore } from '../../../../lambdas/adapters/dynamodb/socket-store.ts';
import { LAMBDAS } from '../../../../lambdas/manifest.ts';
import { matchesPattern } from '../../../../local/emulator/stream/event-filter.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { ownKey } from '../../../support/memory-tables.ts';
import { connectionOf, inDynamoDb } from './harness.ts';
import { recordsOfConnections } from './stream.ts';

const ADDRESS = '192.0.2.1';
const [{ filters }] = LAMBDAS.lifecycle.streams;

describe('of the stream of the connections, lifecycle', () => {
  const running = useDynamoDb();

  /** The records so far that start a run: what each does to a row, and what has changed by it. */
  async function handedOver(connectionId: string) {
    const records = (await recordsOfConnections(running())) as DynamoDBRecord[];
    const ofConnection = records.filter(({ dynamodb }) => dynamodb?.Keys?.connectionId?.S === connectionId);
    const wanted = ofConnection.filter((record) => filters.some((one) => matchesPattern(one, record)));
    return wanted.map((record) => [record.eventName, connectionChangeIn(record)?.kind]);
  }

  it('is handed nothing of a client of JSON before it is ready', async () => {
    const { connections, subscriptions } = inDynamoDb(running)(Date.now);
    const connection = connectionOf('alice');
    await connections.add(connection, 'request');
    expect(await handedOver(connection.connectionId)).toEqual([]);
    await subscriptions.markReady(ownKey(connection), 3);
    await connections.remove(connection);
    expect(await handedOver(connection.connectionId)).toEqual([
      ['MODIFY', 'opened'],
      ['REMOVE', 'closed'],
    ]);
  });

  it('is handed the row of a client of STOMP as it is written, and nothing of what its pump does', async () => {
    const { dynamodb, tables } = running();
    const sockets = createSocketStore(dynamodb, tables, Date.now);
    const now = Date.now();
    const expiresAt = Math.ceil(now / 1000 + 60) * 1000;
    const connection = connectionOf('bob', { readyAt: now, expiresAt });
    const { connectionId, userId, deviceId, tokenExpiresAt } = connection;
    await createPendingStore(dynamodb, tables, Date.now).add(
      { address: ADDRESS, connectionId, connectedAt: now },
      { expiresAt, requestId: 'request' },
    );
    expect(await handedOver(connectionId)).toEqual([]);
    const socket = {
      ...{ connectionId, userId, deviceId, tokenExpiresAt, expiresAt },
      ...{ dialect: 'v12.stomp' as const, batchBytes: 0, permissions: { subscribe: [], publish: [] } },
    };
    expect(await sockets.open(connection, socket, ADDRESS)).toBe(true);
    const opened = await handedOver(connectionId);
    expect(opened.filter(([, kind]) => kind)).toEqual([['INSERT', 'opened']]);
    const lease = { holder: 'pump', now, until: now + 20_000 };
    expect((await sockets.beginPump(connectionId, lease)).outcome).toBe('begun');
    await sockets.endPump(connectionId, {
      holder: 'pump',
      sent: new Map(),
      announced: 0,
      refusedAt: undefined,
    });
    expect(await handedOver(connectionId)).toEqual(opened);
    await sockets.remove(connectionId);
    await inDynamoDb(running)(Date.now).connections.remove(connection);
    expect(await handedOver(connectionId)).toEqual([...opened, ['REMOVE', 'closed']]);
  });
});
