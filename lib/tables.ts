/** The tables, with the keys that the store reads and writes them by. */
import { RemovalPolicy } from 'aws-cdk-lib';
import {
  AttributeType,
  Billing,
  type CfnGlobalTable,
  StreamViewType,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { TABLES, type TableNames, TTL_ATTRIBUTE } from '../lambdas/adapters/dynamodb/tables.ts';

export const TABLE_NAMES = Object.keys(TABLES) as (keyof TableNames)[];

/** A restored row of these would belong to a socket that is gone. */
const OF_SOCKETS: readonly (keyof TableNames)[] = ['connections', 'subscriptions', 'presence'];

export interface TablesProps {
  /** What becomes of the tables, and of what is in them, when the stack is deleted. Unless it is to destroy them, nobody else may. */
  readonly removalPolicy: RemovalPolicy;
  /** Undefined: a key of DynamoDB's own. */
  readonly encryptionKey: IKey | undefined;
}

export class Tables extends Construct implements Record<keyof TableNames, TableV2> {
  readonly connections: TableV2;
  readonly devices: TableV2;
  readonly messages: TableV2;
  readonly publishes: TableV2;
  readonly subscriptions: TableV2;
  readonly members: TableV2;
  readonly cursors: TableV2;
  readonly outbox: TableV2;
  readonly presence: TableV2;

  constructor(scope: Construct, id: string, { removalPolicy, encryptionKey }: TablesProps) {
    super(scope, id);
    const table = (name: keyof TableNames) => {
      const { partition, sort, stream, lasts, index } = TABLES[name];
      const made = new TableV2(this, name, {
        partitionKey: attribute(partition),
        ...(sort && { sortKey: attribute(sort) }),
        billing: Billing.onDemand(),
        ...(!lasts && { timeToLiveAttribute: TTL_ATTRIBUTE }),
        pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: !OF_SOCKETS.includes(name) },
        deletionProtection: removalPolicy !== RemovalPolicy.DESTROY,
        ...(index && {
          globalSecondaryIndexes: [
            {
              indexName: index.name,
              partitionKey: attribute(index.partition),
              sortKey: attribute(index.sort),
            },
          ],
        }),
        // Both images, so that `reconcile` can tell a new request from any other change of a row.
        ...(stream && { dynamoStream: StreamViewType.NEW_AND_OLD_IMAGES }),
        removalPolicy,
      });
      if (encryptionKey) encrypt(made, encryptionKey);
      return made;
    };
    this.connections = table('connections');
    this.devices = table('devices');
    this.messages = table('messages');
    this.publishes = table('publishes');
    this.subscriptions = table('subscriptions');
    this.members = table('members');
    this.cursors = table('cursors');
    this.outbox = table('outbox');
    this.presence = table('presence');
  }
}

/** TableV2 takes a key only in a stack that knows its Region, which few do. */
function encrypt(table: TableV2, key: IKey) {
  const resource = table.node.defaultChild as CfnGlobalTable;
  resource.addPropertyOverride('SSESpecification', { SSEEnabled: true, SSEType: 'KMS' });
  resource.addPropertyOverride('Replicas.0.SSESpecification', { KMSMasterKeyId: key.keyArn });
}

const attribute = ({ name, type }: { name: string; type: 'S' | 'N' }) => ({
  name,
  type: type === 'S' ? AttributeType.STRING : AttributeType.NUMBER,
});
