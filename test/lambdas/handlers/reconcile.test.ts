/** Which records of the stream are requests, and that a bad one does not hold up the others. */
import type { DynamoDBRecord } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { createReconcileHandler } from '../../../lambdas/handlers/reconcile.ts';
import { aConnection, aContext, anApp, NOW, type TestApp } from '../../support/builders.ts';
import { withoutStomp } from '../../support/no-stomp.ts';

interface RecordOptions {
  eventName?: 'INSERT' | 'MODIFY' | 'REMOVE';
  connectionId?: string;
  requestId?: string | undefined;
  before?: string;
  after?: string;
}

let sequence = 100;

function record({
  eventName = 'INSERT',
  connectionId = 'c1',
  requestId = 'r',
  before,
  after,
}: RecordOptions): DynamoDBRecord {
  const keys = { userId: { S: 'alice' }, connectionId: { S: connectionId } };
  return {
    eventName,
    dynamodb: {
      Keys: keys,
      SequenceNumber: String(sequence++),
      NewImage: {
        ...keys,
        ...(requestId !== '' && { replayRequestId: { S: requestId } }),
        ...(after !== undefined && { replayAfter: { N: after } }),
      },
      ...(before !== undefined && { OldImage: { ...keys, replayRequestId: { S: before } } }),
    },
  };
}

async function drive(app: TestApp, ...Records: DynamoDBRecord[]) {
  const { batchItemFailures } = await createReconcileHandler({ ...app, ...withoutStomp })(
    { Records },
    aContext(),
  );
  return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
}

async function anOpening(app: TestApp, ...connectionIds: string[]) {
  for (const connectionId of connectionIds) {
    await app.connections.add(aConnection({ connectionId, connectedAt: NOW, readyAt: undefined }), 'r');
  }
}

describe('a record of the Connections table', () => {
  it.each<[string, RecordOptions]>([
    ['a new row', { eventName: 'INSERT' }],
    ['a row with a first request', { eventName: 'MODIFY' }],
    ['a row with another request than before', { eventName: 'MODIFY', before: 'q' }],
  ])('drives its connection when it is %s', async (_what, options) => {
    const app = anApp();
    await anOpening(app, 'c1');
    expect(await drive(app, record(options))).toEqual([]);
    expect(app.posted.map(({ frame }) => frame.event)).toEqual(['ready', 'replay']);
  });

  it.each<[string, RecordOptions]>([
    ['a row that went', { eventName: 'REMOVE' }],
    ['a change of something else', { eventName: 'MODIFY', before: 'r' }],
    ['a row whose request is done', { eventName: 'MODIFY', requestId: '', before: 'r' }],
  ])('drives nothing when it is %s', async (_what, options) => {
    const app = anApp();
    await anOpening(app, 'c1');
    expect(await drive(app, record(options))).toEqual([]);
    expect(app.posted).toEqual([]);
  });

  it('may name where to replay from, be it the beginning', async () => {
    const app = anApp();
    await app.connections.add(aConnection({ connectionId: 'c1', deviceId: undefined }), 'r');
    const head = { epoch: 'e', seq: 2, updatedAt: NOW };
    const message = {
      seq: 2,
      id: 'm',
      type: 't',
      data: '1',
      sentAt: NOW,
      originUserId: undefined,
      originDeviceId: undefined,
      originTab: undefined,
      collapseKey: undefined,
      expiresAt: NOW + 1_000,
    };
    await app.rows.append({
      channel: 'user:alice',
      expected: undefined,
      next: head,
      message,
      idempotency: undefined,
      now: NOW,
    });
    await drive(app, record({ eventName: 'MODIFY', after: '0' }));
    expect(app.posted.at(-1)?.frame).toMatchObject({ event: 'replay', through: 2, messages: [{ seq: 2 }] });
  });

  it('of a connection that is gone is done', async () =>
    expect(await drive(anApp(), record({}))).toEqual([]));
});

describe('a batch', () => {
  it('reports the records that failed and serves the others', async () => {
    const app = anApp();
    await anOpening(app, 'good', 'bad', 'fine');
    const { markStarted } = app.connections;
    app.connections.markStarted = async (key, started) => {
      if (key.connectionId === 'bad') throw new Error('store down');
      return await markStarted(key, started);
    };
    const records = ['good', 'bad', 'fine'].map((connectionId) => record({ connectionId }));
    expect(await drive(app, ...records)).toEqual([records[1]?.dynamodb?.SequenceNumber]);
    const replayed = app.posted
      .filter(({ frame }) => frame.event === 'replay')
      .map(({ connectionId }) => connectionId);
    expect(replayed.sort()).toEqual(['fine', 'good']);
  });

  it('may be empty', async () => expect(await drive(anApp())).toEqual([]));
});
