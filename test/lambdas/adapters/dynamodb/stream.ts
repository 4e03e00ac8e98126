/** What the stream of the connections hands over. */
import {
  type _Record,
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListStreamsCommand,
} from '@aws-sdk/client-dynamodb-streams';
import { LOCAL_ACCESS, type TestDynamoDb } from '../../../support/dynoxide.ts';

/** From the first on. */
export async function recordsOfConnections({ endpoint, tables }: TestDynamoDb): Promise<_Record[]> {
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
  return Records;
}
