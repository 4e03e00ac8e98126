/** The channels' logs, in DynamoDB: one transaction appends, one query reads, one serializable read proves. */
import { ConditionalCheckFailedException, TransactionConflictException } from '@aws-sdk/client-dynamodb';
import {
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactGetCommand,
  TransactWriteCommand,
} from '@aws-sdk/lib-dynamodb';
import { Busy, type Head, type MessageLog } from '../domain/ports.ts';
import { appendActions, appendFailure, type LogTables, noHeadYet } from './append-transaction.ts';
import { cancellationReasons, isConflict, orBusy, translated } from './faults.ts';
import { headKey, toHead, toHeadRow, toMessage } from './message-rows.ts';
import type { HeadRow, MessageRow } from './tables.ts';

/** As many rows as fill DynamoDB's page of 1 MB when they are small. */
const PAGE_LIMIT = 1000;

const CREATE_TRIES = 8;

export function createMessageLog(client: DynamoDBDocumentClient, tables: LogTables): MessageLog {
  const head = async (channel: string): Promise<Head | undefined> => {
    const get = new GetCommand({ TableName: tables.messages, Key: headKey(channel), ConsistentRead: true });
    const { Item } = await orBusy(client.send(get));
    return Item && toHead(Item as HeadRow);
  };

  return {
    head,

    async create(channel, first) {
      for (let attempt = 0; attempt < CREATE_TRIES; attempt++) {
        if (await putFirstHead(client, tables, channel, first)) return first;
        const standing = await head(channel);
        if (standing) return standing;
      }
      throw new Busy(`${channel}: its first append is under way`);
    },

    async append(channel, expected, next, message, idempotency, now) {
      const TransactItems = appendActions(tables, channel, expected, next, message, idempotency, now);
      try {
        await client.send(new TransactWriteCommand({ TransactItems }));
        return { outcome: 'appended' };
      } catch (error) {
        const failure = appendFailure(cancellationReasons(error), idempotency);
        if (failure) return failure;
        throw translated(error);
      }
    },

    async query(channel, after, through) {
      if (after >= through) return { messages: [], through };
      const page = await orBusy(
        client.send(
          new QueryCommand({
            TableName: tables.messages,
            KeyConditionExpression: 'channel = :channel AND seq BETWEEN :first AND :last',
            ExpressionAttributeValues: { ':channel': channel, ':first': after + 1, ':last': through },
            ScanIndexForward: true,
            ConsistentRead: true,
            Limit: PAGE_LIMIT,
          }),
        ),
      );
      const messages = ((page.Items ?? []) as MessageRow[]).map(toMessage);
      return { messages, through: page.LastEvaluatedKey?.seq ?? through };
    },

    async prove(channel, seqs) {
      if (seqs.length === 0) return { outcome: 'proven', present: [] };
      const TransactItems = seqs.map((seq) => ({
        Get: { TableName: tables.messages, Key: { channel, seq } },
      }));
      try {
        const { Responses = [] } = await orBusy(client.send(new TransactGetCommand({ TransactItems })));
        const rows = Responses.flatMap(({ Item }) => (Item ? [Item as MessageRow] : []));
        return { outcome: 'proven', present: rows.map(toMessage) };
      } catch (error) {
        if (cancellationReasons(error).some(isConflict)) return { outcome: 'in_doubt' };
        throw error;
      }
    },
  };
}

/** False: there is a head already, or a transaction is just writing one. */
async function putFirstHead(
  client: DynamoDBDocumentClient,
  tables: LogTables,
  channel: string,
  first: Head,
): Promise<boolean> {
  const put = new PutCommand({
    TableName: tables.messages,
    Item: toHeadRow(channel, first),
    ConditionExpression: noHeadYet,
  });
  try {
    await orBusy(client.send(put));
    return true;
  } catch (error) {
    const another =
      error instanceof ConditionalCheckFailedException || error instanceof TransactionConflictException;
    if (another) return false;
    throw error;
  }
}
