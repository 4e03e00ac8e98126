/** Creates on a bare DynamoDB server the tables that CDK creates on AWS. */
import {
  type AttributeDefinition,
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  type KeySchemaElement,
  ResourceInUseException,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import {
  type KeyAttribute,
  TABLES,
  type TableNames,
  TTL_ATTRIBUTE,
} from '../../lambdas/adapters/dynamodb/tables.ts';

const MAX_WAIT_SECONDS = 30;

/** Leaves tables that exist as they are, with their rows. */
export async function createTables(client: DynamoDBClient, names: TableNames): Promise<void> {
  for (const table of Object.keys(TABLES) as (keyof TableNames)[]) {
    await createTable(client, tableInput(names[table], table));
    await waitUntilTableExists(
      { client, maxWaitTime: MAX_WAIT_SECONDS, minDelay: 1, maxDelay: 1 },
      { TableName: names[table] },
    );
    if (!TABLES[table].lasts) await enableTtl(client, names[table]);
  }
}

function tableInput(name: string, table: keyof TableNames): CreateTableCommandInput {
  const { partition, sort, stream, index } = TABLES[table];
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: attributes([
      partition,
      ...(sort ? [sort] : []),
      ...(index ? [index.partition, index.sort] : []),
    ]),
    KeySchema: keySchema({ partition, sort }),
    ...(index && {
      GlobalSecondaryIndexes: [
        { IndexName: index.name, KeySchema: keySchema(index), Projection: { ProjectionType: 'ALL' } },
      ],
    }),
    StreamSpecification: stream
      ? { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' }
      : { StreamEnabled: false },
  };
}

interface Key {
  partition: KeyAttribute;
  sort?: KeyAttribute | undefined;
}

/** An attribute may stand in several keys, and is still named once. */
const attributes = (keys: KeyAttribute[]): AttributeDefinition[] =>
  [...new Map(keys.map(({ name, type }) => [name, type]))].map(([AttributeName, AttributeType]) => ({
    AttributeName,
    AttributeType,
  }));

const keySchema = ({ partition, sort }: Key): KeySchemaElement[] => [
  { AttributeName: partition.name, KeyType: 'HASH' },
  ...(sort ? [{ AttributeName: sort.name, KeyType: 'RANGE' } as const] : []),
];

async function createTable(client: DynamoDBClient, input: CreateTableCommandInput): Promise<void> {
  try {
    await client.send(new CreateTableCommand(input));
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
  }
}

/** Enabling it twice is an error, so it looks first. */
async function enableTtl(client: DynamoDBClient, name: string): Promise<void> {
  const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName: name }));
  const status = TimeToLiveDescription?.TimeToLiveStatus;
  if (status === 'ENABLED' || status === 'ENABLING') return;
  await client.send(
    new UpdateTimeToLiveCommand({
      TableName: name,
      TimeToLiveSpecification: { Enabled: true, AttributeName: TTL_ATTRIBUTE },
    }),
  );
}
