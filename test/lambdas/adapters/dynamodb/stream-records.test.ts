/** What the records of the streams of Connections and Subscriptions ask for. */
import type { DynamoDBRecord } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { reconcileRequests } from '../../../../lambdas/adapters/dynamodb/stream-records.ts';
import { EVERYONE, topicChannel, userChannel } from '../../../../lambdas/domain/model.ts';
import type { AckMode } from '../../../../lambdas/protocol/frames.ts';

interface Row {
  request?: string;
  after?: number;
  deviceId?: string | undefined;
  ackMode?: AckMode;
}

interface Recorded {
  channel?: string;
  connectionId?: string;
  old?: Row;
  row?: Row | undefined;
  eventName?: 'INSERT' | 'MODIFY' | 'REMOVE';
}

let lastSequenceNumber = 100;

function recordOf({ channel, connectionId = 'c1', old, row, eventName }: Recorded): DynamoDBRecord {
  const image = ({ request, after, deviceId, ackMode = 'client' }: Row) => ({
    userId: { S: 'alice' },
    connectionId: { S: connectionId },
    ackMode: { S: ackMode },
    ...(deviceId !== undefined && { deviceId: { S: deviceId } }),
    ...(request !== undefined && { replayRequestId: { S: request } }),
    ...(after !== undefined && { replayAfter: { N: String(after) } }),
  });
  lastSequenceNumber += 1;
  return {
    eventName: eventName ?? (old ? 'MODIFY' : 'INSERT'),
    dynamodb: {
      Keys:
        channel === undefined
          ? { userId: { S: 'alice' }, connectionId: { S: connectionId } }
          : { channel: { S: channel }, subscriber: { S: `0a1b2c3d#${connectionId}` } },
      ...(old && { OldImage: image(old) }),
      ...(row && { NewImage: image(row) }),
      SequenceNumber: String(lastSequenceNumber),
    },
  };
}

const asked = (after?: number, over: Recorded = {}): DynamoDBRecord => {
  const request = `request-${lastSequenceNumber}`;
  return recordOf({
    ...over,
    row: { deviceId: 'phone', ...over.row, request, ...(after !== undefined && { after }) },
  });
};

describe('a record', () => {
  it('of a connection asks for its user’s own channel', () => {
    const record = asked();
    expect(reconcileRequests([record])).toEqual([
      {
        channel: userChannel('alice'),
        userId: 'alice',
        connectionId: 'c1',
        after: undefined,
        startId: record.dynamodb?.NewImage?.replayRequestId?.S,
        itemIdentifier: record.dynamodb?.SequenceNumber,
      },
    ]);
  });

  it('of a connection’s row that was there before starts nothing', () => {
    const records = [asked(undefined, { old: {} }), asked(undefined, { channel: 'topic:news' })];
    for (const record of records) expect(reconcileRequests([record])).toMatchObject([{ after: undefined }]);
    for (const record of records) expect(reconcileRequests([record])[0]).not.toHaveProperty('startId');
  });

  it.each([topicChannel('news'), EVERYONE])('of a subscription asks for its channel: $name', (channel) => {
    const record = asked(41, { channel: channel.name });
    expect(reconcileRequests([record])).toEqual([
      {
        channel,
        userId: 'alice',
        connectionId: 'c1',
        after: 41,
        itemIdentifier: record.dynamodb?.SequenceNumber,
      },
    ]);
  });

  it.each<[string, Recorded]>([
    ['asks for nothing', { row: {} }],
    ['changes something else', { old: { request: 'request-1' }, row: { request: 'request-1' } }],
    ['takes the request away', { old: { request: 'request-1' }, row: {} }],
    ['is of a row that is gone', { old: { request: 'request-1' }, row: undefined, eventName: 'REMOVE' }],
  ])('that %s is passed over', (_, recorded) => {
    const records = [recorded, { ...recorded, channel: 'topic:news' }].map(recordOf);
    expect(reconcileRequests(records)).toEqual([]);
  });

  it('of a subscription to no channel is a fault', () => {
    expect(() => reconcileRequests([asked(undefined, { channel: 'news' })])).toThrow('names no channel');
  });
});

describe('several records', () => {
  it('of one subscription are one request, from the lowest seq, under the number of the first', () => {
    const records = [7, 3, 5].map((after) => asked(after, { channel: 'topic:news' }));
    expect(reconcileRequests(records)).toMatchObject([
      { after: 3, itemIdentifier: records[0]?.dynamodb?.SequenceNumber },
    ]);
  });

  it('of a new connection ask for more than its start', () => {
    const first = asked();
    expect(reconcileRequests([first, asked(3, { old: {} })])[0]).not.toHaveProperty('startId');
  });

  it('of one connection’s channels are a request each', () => {
    const channels = [undefined, 'topic:news', 'topic:sports', 'everyone'];
    const records = channels.map((channel) => asked(1, channel === undefined ? {} : { channel }));
    expect(reconcileRequests(records).map(({ channel }) => channel.name)).toEqual([
      'user:alice',
      'topic:news',
      'topic:sports',
      'everyone',
    ]);
  });

  it('of several connections are a request each', () => {
    const records = ['c1', 'c2'].map((connectionId) => asked(1, { channel: 'topic:news', connectionId }));
    expect(reconcileRequests(records).map(({ connectionId }) => connectionId)).toEqual(['c1', 'c2']);
  });

  it.each([
    ['a device is replayed to from its cursor', { deviceId: 'phone' }, undefined],
    ['in mode auto from the seq that is named', { deviceId: 'phone', ackMode: 'auto' as const }, 7],
    ['an anonymous device, too', { deviceId: undefined }, 7],
  ])('of which some name no seq: %s', (_, row, after) => {
    for (const records of [
      [asked(7, { row }), asked(undefined, { row })],
      [asked(undefined, { row }), asked(7, { row })],
    ])
      expect(reconcileRequests(records)).toMatchObject([{ after }]);
  });
});
