/** Reads the records of the Connections stream: which connections opened, and which are gone. */
import type { AttributeValue, DynamoDBRecord } from 'aws-lambda';
import type { ConnectionChange } from '../../domain/connection/lifecycle.ts';

type Image = Record<string, AttributeValue>;

/** Undefined: neither. A connection that never was ready does not close, either. */
export function connectionChangeIn({ dynamodb }: DynamoDBRecord): ConnectionChange | undefined {
  const { OldImage: before, NewImage: after, ApproximateCreationDateTime } = dynamodb ?? {};
  const [wasReady, isReady] = [numberOf(before, 'readyAt'), numberOf(after, 'readyAt')];
  if (after && isReady !== undefined && wasReady === undefined)
    return { kind: 'opened', ...connectionOf(after), at: isReady };
  if (after || before === undefined || wasReady === undefined) return undefined;
  // The stream knows whole seconds: a connection does not close before it opens.
  const at = Math.max((ApproximateCreationDateTime ?? 0) * 1000, wasReady + 1);
  return { kind: 'closed', ...connectionOf(before), at };
}

const connectionOf = (row: Image) => ({
  userId: row.userId?.S ?? '',
  connectionId: row.connectionId?.S ?? '',
  deviceId: row.deviceId?.S,
  connectedAt: numberOf(row, 'connectedAt') ?? 0,
});

const numberOf = (row: Image | undefined, name: string): number | undefined => {
  const text = row?.[name]?.N;
  return text === undefined ? undefined : Number(text);
};
