/**
 * The streams API of the DynamoDB server. The pollers ask it all the time, and the SDK's client would take a seventh of a processor
 * for that while messages are published.
 */
import type { Shard } from '@aws-sdk/client-dynamodb-streams';
import { createJsonService } from '../../../lambdas/aws/json-service.ts';
import { REGION } from '../lambdas.ts';
import type { StreamRecord } from './batch.ts';

/** A record as the API returns it: as Lambda hands it over, but for these. */
export interface ReadRecord extends Omit<StreamRecord, 'eventSourceARN' | 'userIdentity'> {
  userIdentity?: { Type?: string; PrincipalId?: string };
}

interface Operations {
  DescribeStream: {
    input: { StreamArn: string; ExclusiveStartShardId?: string | undefined };
    output: { StreamDescription?: { Shards?: Shard[]; LastEvaluatedShardId?: string } };
  };
  GetShardIterator: {
    input: {
      StreamArn: string;
      ShardId: string;
      ShardIteratorType: 'TRIM_HORIZON' | 'AFTER_SEQUENCE_NUMBER';
      SequenceNumber?: string;
    };
    output: { ShardIterator?: string };
  };
  GetRecords: {
    input: { ShardIterator: string };
    output: { Records?: ReadRecord[]; NextShardIterator?: string };
  };
}

/** Rejects when the server refuses or does not answer. */
export interface StreamsClient {
  call<Name extends keyof Operations>(
    operation: Name,
    input: Operations[Name]['input'],
  ): Promise<Operations[Name]['output']>;
}

const TIMEOUTS = { connectMs: 1000, requestMs: 10_000 };

export function createStreamsClient(endpoint: string): StreamsClient {
  const access = { region: REGION, accessKeyId: 'local', secretAccessKey: 'local', sessionToken: undefined };
  const ask = createJsonService({
    service: 'dynamodb',
    api: 'DynamoDBStreams_20120810',
    contentType: 'application/x-amz-json-1.0',
    endpoint,
    readAccess: () => access,
    timeouts: TIMEOUTS,
  });
  return {
    async call(operation, input) {
      const { status, body } = await ask(operation, JSON.stringify(input));
      if (status !== 200) throw new Error(`${operation} was answered ${status} ${body.slice(0, 300)}`);
      return JSON.parse(body);
    },
  };
}
