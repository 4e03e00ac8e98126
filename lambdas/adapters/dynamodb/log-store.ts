/**
 * The channels' logs, in DynamoDB: one transaction appends, one query reads, one serializable read
 * proves.
 */
import type { DynamoDb, Put } from '../../aws/dynamodb.ts';
import { Busy } from '../../domain/errors.ts';
import type { Head } from '../../domain/model.ts';
import type { LogStore } from '../../domain/ports/log-store.ts';
import { appendActions, appendFailure, type LogTables, noHeadYet } from './append-transaction.ts';
import { batchGet } from './batch-get.ts';
import { cancellationReasons, isFault, throwBusyIfThrottled, translated } from './faults.ts';
import { createIdempotencyKeys, nextHead } from './idempotency-keys.ts';
import { headKey, toHead, toHeadRow, toMessage } from './message-rows.ts';
import { hashOfPayload, MAX_RECENT_KEYS } from './recent-keys.ts';
import type { HeadRow, MessageRow, TableNames } from './tables.ts';
import { transactGet } from './transact-get.ts';
import { createPutWhileOpen } from './while-open.ts';

/** As many rows as fill DynamoDB's page of 1 MB when they are small. */
const PAGE_LIMIT = 1000;

const CREATE_TRIES = 8;

interface Page {
  Items?: MessageRow[];
  LastEvaluatedKey?: MessageRow;
}

/** `maxRecentKeys`: at most so many idempotency keys stand on a head row. */
export function createLogStore(
  dynamodb: DynamoDb,
  tables: LogTables & Pick<TableNames, 'connections'>,
  { maxRecentKeys = MAX_RECENT_KEYS } = {},
): LogStore {
  const keys = createIdempotencyKeys(dynamodb, tables);
  const putWhileOpen = createPutWhileOpen(dynamodb, tables.connections);

  const head = async (channel: string): Promise<Head | undefined> => {
    const get = { TableName: tables.messages, Key: headKey(channel), ConsistentRead: true };
    const { Item } = await throwBusyIfThrottled(dynamodb.call('GetItem', get));
    return Item && toHead(Item as HeadRow);
  };

  /** `order`: where it is not ascending, with as many rows as a page holds. */
  const queryRange = async (channel: string, after: number, through: number, order = {}): Promise<Page> => {
    if (after >= through) return {};
    const query = {
      TableName: tables.messages,
      KeyConditionExpression: 'channel = :channel AND seq BETWEEN :first AND :last',
      ExpressionAttributeValues: { ':channel': channel, ':first': after + 1, ':last': through },
      ConsistentRead: true,
      Limit: PAGE_LIMIT,
      ...order,
    };
    return (await throwBusyIfThrottled(dynamodb.call('Query', query))) as Page;
  };

  return {
    head,

    async heads(channels) {
      const rows = await batchGet<HeadRow>(dynamodb, tables.messages, channels.map(headKey));
      return new Map(rows.map((row) => [row.channel, toHead(row)]));
    },

    async create(channel, first, by) {
      const put = {
        TableName: tables.messages,
        Item: { ...toHeadRow(channel, first) },
        ConditionExpression: noHeadYet,
      };
      for (let attempt = 0; attempt < CREATE_TRIES; attempt++) {
        const outcome = by ? await putWhileOpen(put, by) : await putFirstHead(dynamodb, put);
        if (outcome === 'put') return first;
        if (outcome === 'refused') return undefined;
        const standing = await head(channel);
        if (standing) return standing;
      }
      throw new Busy(`${channel}: its first append is under way`);
    },

    async append(request) {
      const { channel, expected, idempotency, now } = request;
      const standing = idempotency && (await keys.find(channel, expected, idempotency.key, now));
      if (standing === 'in_doubt') return { outcome: 'lost_race' };
      if (standing) {
        const samePayload = standing.payload === hashOfPayload(idempotency.payload);
        return { outcome: 'duplicate', seq: standing.seq, samePayload };
      }
      const next = nextHead(request, maxRecentKeys);
      const TransactItems = appendActions(tables, request, next.head, next.spilled);
      try {
        await dynamodb.call('TransactWriteItems', { TransactItems });
        return { outcome: 'appended', head: next.head };
      } catch (error) {
        const failure = appendFailure(cancellationReasons(error), request);
        if (failure) return failure;
        throw translated(error);
      }
    },

    async query(channel, after, through) {
      const { Items = [], LastEvaluatedKey } = await queryRange(channel, after, through);
      return { messages: Items.map(toMessage), through: LastEvaluatedKey?.seq ?? through };
    },

    async queryBack(channel, after, through, limit) {
      const backwards = { ScanIndexForward: false, Limit: Math.min(limit, PAGE_LIMIT) };
      const { Items = [], LastEvaluatedKey } = await queryRange(channel, after, through, backwards);
      return { messages: Items.map(toMessage), from: LastEvaluatedKey?.seq ?? after + 1 };
    },

    async prove(channel, seqs) {
      if (seqs.length === 0) return { outcome: 'proven', present: [] };
      const keys = seqs.map((seq) => ({ channel, seq }));
      const rows = await transactGet<MessageRow>(dynamodb, tables.messages, keys);
      if (rows === 'in_doubt') return { outcome: 'in_doubt' };
      return { outcome: 'proven', present: rows.flatMap((row) => (row ? [toMessage(row)] : [])) };
    },

    async seqOf(channel, key, now) {
      const standing = await keys.find(channel, await head(channel), key, now);
      if (standing === 'in_doubt') throw new Busy(`${channel}: an append is under way`);
      return standing?.seq;
    },
  };
}

/** `exists`: there is a head already, or a transaction is writing the head at the moment. */
async function putFirstHead(dynamodb: DynamoDb, put: Put): Promise<'put' | 'exists'> {
  try {
    await throwBusyIfThrottled(dynamodb.call('PutItem', put));
    return 'put';
  } catch (error) {
    const another =
      isFault(error, 'ConditionalCheckFailedException') || isFault(error, 'TransactionConflictException');
    if (another) return 'exists';
    throw error;
  }
}
