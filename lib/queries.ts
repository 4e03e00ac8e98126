/** Questions to the logs that come up, ready to run in CloudWatch Logs Insights: put in the names, and go. */
import { type ILogGroup, QueryDefinition, QueryString } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

export interface QueriesProps {
  /** Of the Lambdas. */
  readonly logGroups: ILogGroup[];
  /** Its queries stand in a folder of this name. */
  readonly backend: string;
}

/**
 * A message is followed by its channel and seq, which every line about it has; its id leads there. What an ack or a replay
 * frame settles is a range of seqs. What is not filled in matches nothing.
 */
const WHERE_IS_MESSAGE = {
  fields: ['@timestamp', 'lambda', 'message', 'id', 'channel', 'seq', 'deviceId', 'connectionId', 'delivery'],
  filterStatements: [
    'id = "MESSAGE_ID" or (channel = "user:USER_ID" and (seq = SEQ or (through >= SEQ and (after < SEQ or message = "acked"))))',
  ],
};

const WHAT_HAPPENED_TO_USER = {
  fields: [
    '@timestamp',
    'lambda',
    'level',
    'message',
    'deviceId',
    'connectionId',
    'seq',
    'through',
    'delivery',
    'code',
  ],
  filterStatements: ['userId = "USER_ID"'],
};

const WHAT_FAILED = {
  fields: [
    '@timestamp',
    'lambda',
    'level',
    'message',
    'error.name',
    'error.message',
    'userId',
    'connectionId',
  ],
  filterStatements: ['level in ["ERROR", "WARN"] or errorType like /./'],
};

export class Queries extends Construct {
  constructor(scope: Construct, id: string, { logGroups, backend }: QueriesProps) {
    super(scope, id);
    const define = (queryId: string, name: string, query: typeof WHERE_IS_MESSAGE, order: 'asc' | 'desc') =>
      new QueryDefinition(this, queryId, {
        queryDefinitionName: `${backend}/${name}`,
        queryString: new QueryString({ ...query, sort: `@timestamp ${order}`, limit: 500 }),
        logGroups,
      });
    define('WhereIsMessage', 'where is message X', WHERE_IS_MESSAGE, 'asc');
    define('WhatHappenedToUser', 'what happened to user X', WHAT_HAPPENED_TO_USER, 'desc');
    define('WhatFailed', 'what failed', WHAT_FAILED, 'desc');
  }
}
