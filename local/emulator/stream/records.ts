/** Turns what the streams API returns into what a Lambda receives. */
import type { StreamRecord } from './batch.ts';
import type { ReadRecord } from './client.ts';

export const lambdaRecord = (
  { userIdentity, dynamodb, ...record }: ReadRecord,
  streamArn: string,
): StreamRecord => ({
  ...record,
  eventSource: 'aws:dynamodb',
  dynamodb: {
    ...dynamodb,
    ApproximateCreationDateTime: Math.trunc(dynamodb.ApproximateCreationDateTime),
  },
  eventSourceARN: streamArn,
  ...(userIdentity && {
    userIdentity: { type: userIdentity.Type, principalId: userIdentity.PrincipalId },
  }),
});
