/** Turns what the streams API returns into what a Lambda receives: instants in seconds, binary values in base64. */
import type { _Record } from '@aws-sdk/client-dynamodb-streams';
import type { StreamRecord } from './batch.ts';

export function lambdaRecord(record: _Record, streamArn: string): StreamRecord {
  const { ApproximateCreationDateTime, Keys = {}, SequenceNumber = '', ...rest } = record.dynamodb ?? {};
  return {
    ...(record.eventID !== undefined && { eventID: record.eventID }),
    eventName: record.eventName,
    eventVersion: record.eventVersion,
    eventSource: 'aws:dynamodb',
    awsRegion: record.awsRegion,
    dynamodb: {
      ApproximateCreationDateTime: Math.trunc((ApproximateCreationDateTime?.getTime() ?? 0) / 1000),
      Keys: plain(Keys),
      ...(rest.NewImage && { NewImage: plain(rest.NewImage) }),
      ...(rest.OldImage && { OldImage: plain(rest.OldImage) }),
      SequenceNumber,
      SizeBytes: rest.SizeBytes,
      StreamViewType: rest.StreamViewType,
    },
    eventSourceARN: streamArn,
    ...(record.userIdentity && {
      userIdentity: { type: record.userIdentity.Type, principalId: record.userIdentity.PrincipalId },
    }),
  };
}

const plain = (image: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(image).map(([name, value]) => [name, plainValue(value)]));

function plainValue(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(plainValue);
  return typeof value === 'object' && value !== null ? plain(value as Record<string, unknown>) : value;
}
