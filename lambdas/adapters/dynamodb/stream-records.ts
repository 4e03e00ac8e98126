/**
 * Reads the records of the streams of Connections and Subscriptions: which subscriptions are to be
 * reconciled, and from where.
 */
import type { AttributeValue, DynamoDBRecord } from 'aws-lambda';
import type { SubscriptionKey } from '../../domain/model.ts';
import type { ReconcileRequest } from '../../domain/ports/later.ts';
import { parseChannel, userChannel } from '../../protocol/channel.ts';

export interface RecordedRequest extends ReconcileRequest {
  /** The sequence number of its first record: by it Lambda is told of a failure. */
  itemIdentifier: string;
}

/**
 * One request per subscription, from the lowest seq that any of its records asks for. A request for
 * each record would send the same window again and again.
 */
export function reconcileRequests(records: DynamoDBRecord[]): RecordedRequest[] {
  const requests = new Map<string, RecordedRequest>();
  for (const record of records.filter(isRequest)) {
    const key = keyOf(record);
    const after = replayAfterOf(record);
    const id = `${key.channel.name} ${key.connectionId}`;
    const earlier = requests.get(id);
    // A request without a seq asks for a replay from the cursor, so it wins over one with a seq:
    // the cursor may stand further back. But an anonymous device has no cursor, and in mode `auto`
    // a replay never begins after the cursor: there the request with a seq wins.
    const { deviceId, ackMode } = record.dynamodb?.NewImage ?? {};
    const seqWins = deviceId === undefined || ackMode?.S === 'auto';
    if (!earlier)
      requests.set(id, {
        ...key,
        after,
        ...startIdIn(record),
        itemIdentifier: record.dynamodb?.SequenceNumber ?? '',
      });
    else {
      // More is asked for than to start it.
      delete earlier.startId;
      if (after !== undefined && earlier.after !== undefined) earlier.after = Math.min(after, earlier.after);
      else earlier.after = seqWins ? (after ?? earlier.after) : undefined;
    }
  }
  return [...requests.values()];
}

/** The event source filters already; it cannot compare the old row with the new. */
const isRequest = ({ eventName, dynamodb }: DynamoDBRecord): boolean => {
  const requestId = dynamodb?.NewImage?.replayRequestId?.S;
  return (
    eventName !== 'REMOVE' && requestId !== undefined && requestId !== dynamodb?.OldImage?.replayRequestId?.S
  );
};

function keyOf({ dynamodb }: DynamoDBRecord): SubscriptionKey {
  const { userId: user, connectionId: connection } = dynamodb?.NewImage ?? {};
  const userId = textOf(user);
  const connectionId = textOf(connection);
  const name = dynamodb?.Keys?.channel?.S;
  const channel = name === undefined ? userChannel(userId) : parseChannel(name);
  if (channel === undefined) throw new Error('a stream record of the Subscriptions table names no channel');
  return { channel, userId, connectionId };
}

/** A new row of a connection asks to start it. */
const startIdIn = ({ eventName, dynamodb }: DynamoDBRecord): Pick<ReconcileRequest, 'startId'> =>
  eventName === 'INSERT' && dynamodb?.Keys?.channel === undefined
    ? { startId: dynamodb?.NewImage?.replayRequestId?.S }
    : {};

const replayAfterOf = ({ dynamodb }: DynamoDBRecord): number | undefined => {
  const after = dynamodb?.NewImage?.replayAfter?.N;
  return after === undefined ? undefined : Number(after);
};

const textOf = (value: AttributeValue | undefined): string => {
  if (value?.S === undefined) throw new Error('a stream record lacks the ids of its connection');
  return value.S;
};
