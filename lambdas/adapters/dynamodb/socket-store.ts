/** The sockets of STOMP's clients, in DynamoDB. The stream of their table starts the pumps. */
import type { DynamoDb, Operations } from '../../aws/dynamodb.ts';
import type { BegunPump, EndedPump, PumpLease, SocketStore } from '../../domain/stomp/sockets.ts';
import { toRow } from './connection-store.ts';
import {
  cancellationReasons,
  ifHolds,
  isConditionFailed,
  isConflict,
  outlastTransactions,
  throwBusyIfThrottled,
} from './faults.ts';
import { notRefused, pendingKey } from './pending-store.ts';
import { stillThere } from './serving.ts';
import {
  type SocketRow,
  sentAttribute,
  socketKey,
  subscriptionAttribute,
  toSeqs,
  toSocket,
  toSocketRow,
  unackedAttribute,
} from './socket-rows.ts';
import { defined, type TableNames } from './tables.ts';

const stillOpen = stillThere('userId');
const isNew = 'attribute_not_exists(userId)';

/**
 * Free: no pump has the lease, or we have it, because the answer to our own write was lost. Lapsed:
 * the Lambda that held it has died.
 */
const isFree = '(attribute_not_exists(pumpUntil) OR pumpHolder = :holder)';
const hasLapsed = 'pumpUntil <= :now';
const isHolder = 'pumpHolder = :holder';
/** Nobody has said that there is more since the pump looked. */
const nothingNew = '(attribute_not_exists(announced) OR announced = :announced)';

type Change = Omit<Operations['UpdateItem']['input'], 'TableName' | 'Key'>;

export function createSocketStore(
  dynamodb: DynamoDb,
  { connections: tableName }: Pick<TableNames, 'connections'>,
  now: () => number,
): SocketStore {
  /** Undefined: the condition did not hold. */
  const updateIf = (connectionId: string, change: Change) =>
    ifHolds(
      outlastTransactions(() =>
        dynamodb.call('UpdateItem', { TableName: tableName, Key: socketKey(connectionId), ...change }),
      ),
    );

  const read = async (Key: Record<string, string>) => {
    const get = { TableName: tableName, Key, ConsistentRead: true };
    const { Item } = await throwBusyIfThrottled(dynamodb.call('GetItem', get));
    return Item as SocketRow | undefined;
  };

  const remove = async (Key: Record<string, string>, condition = {}) => {
    await ifHolds(
      outlastTransactions(() => dynamodb.call('DeleteItem', { TableName: tableName, Key, ...condition })),
    );
  };

  const begin = async (connectionId: string, { holder, now, until }: PumpLease, condition: string) => {
    const begun = await updateIf(connectionId, {
      UpdateExpression: 'SET pumpHolder = :holder, pumpUntil = :until REMOVE replayRequestId',
      ConditionExpression: `${stillOpen} AND ${condition}`,
      ExpressionAttributeValues: {
        ':holder': holder,
        ...(condition === hasLapsed && { ':now': now }),
        ':until': until,
      },
      ReturnValues: 'ALL_NEW',
    });
    return begun && toSocket(begun.Attributes as unknown as SocketRow);
  };

  return {
    async open(connection, socket, address) {
      const { connectionId } = socket;
      const row = toSocketRow(socket);
      const pending = pendingKey({ address, connectionId });
      const put = (Item: object) => ({
        Put: { TableName: tableName, Item: defined(Item), ConditionExpression: isNew },
      });
      const TransactItems = [
        {
          Delete: {
            TableName: tableName,
            Key: pending,
            ConditionExpression: `${stillOpen} AND ${notRefused}`,
          },
        },
        put(toRow(connection)),
        put(row),
      ];
      try {
        await outlastTransactions(() => dynamodb.call('TransactWriteItems', { TransactItems }));
        return true;
      } catch (error) {
        const reasons = cancellationReasons(error);
        if (reasons.some(isConditionFailed) || reasons.some(isConflict)) return false;
        throw error;
      }
    },

    async find(connectionId) {
      const row = await read(socketKey(connectionId));
      const socket = row && toSocket(row);
      return socket && socket.expiresAt > now() ? socket : undefined;
    },

    remove: (connectionId) => remove(socketKey(connectionId)),

    async subscribe(connectionId, id, { sent, ...entry }, requestId) {
      const subscribed = await updateIf(connectionId, {
        UpdateExpression: `SET #sub = :sub, #sent = :sent, replayRequestId = :request ADD news :news, announced :one`,
        ConditionExpression: `${stillOpen} AND attribute_not_exists(#sub)`,
        ExpressionAttributeNames: { '#sub': subscriptionAttribute(id), '#sent': sentAttribute(entry.key) },
        ExpressionAttributeValues: {
          ':sub': { ...entry },
          ':sent': { epoch: sent.epoch, seq: sent.seq },
          ':request': requestId,
          ':news': new Set([entry.channel]),
          ':one': 1,
        },
      });
      if (subscribed) return 'subscribed';
      return (await read(socketKey(connectionId))) ? 'in_use' : 'gone';
    },

    async unsubscribe(connectionId, id, key) {
      await updateIf(connectionId, {
        UpdateExpression: 'REMOVE #sub, #sent, #unacked',
        ConditionExpression: `${stillOpen} AND #sub.#key = :key`,
        ExpressionAttributeNames: {
          '#sub': subscriptionAttribute(id),
          '#sent': sentAttribute(key),
          '#unacked': unackedAttribute(key),
          '#key': 'key',
        },
        ExpressionAttributeValues: { ':key': key },
      });
    },

    async beginPump(connectionId, lease): Promise<BegunPump> {
      const free = await begin(connectionId, lease, isFree);
      if (free) return { outcome: 'begun', socket: free, isOrphaned: false };
      const lapsed = await begin(connectionId, lease, hasLapsed);
      if (lapsed) return { outcome: 'begun', socket: lapsed, isOrphaned: true };
      return { outcome: (await read(socketKey(connectionId))) ? 'busy' : 'gone' };
    },

    takePump: (connectionId, lease) => begin(connectionId, lease, isFree),

    async addUnacked(connectionId, key, seqs) {
      await updateIf(connectionId, {
        UpdateExpression: 'ADD #unacked :seqs',
        ConditionExpression: stillOpen,
        ExpressionAttributeNames: { '#unacked': unackedAttribute(key) },
        ExpressionAttributeValues: { ':seqs': new Set(seqs.map(String)) },
      });
    },

    async removeUnacked(connectionId, key, seq) {
      const removed = await updateIf(connectionId, {
        UpdateExpression: 'DELETE #unacked :seqs',
        ConditionExpression: stillOpen,
        ExpressionAttributeNames: { '#unacked': unackedAttribute(key) },
        ExpressionAttributeValues: { ':seqs': new Set([String(seq)]) },
        ReturnValues: 'ALL_NEW',
      });
      return toSeqs(((removed?.Attributes ?? {}) as Record<string, unknown>)[unackedAttribute(key)]);
    },

    async renewPump(connectionId, { holder, until }, end) {
      const renewed = await updateIf(connectionId, {
        ...progress(end, { sets: ['pumpUntil = :until'], removes: [] }),
        ConditionExpression: isHolder,
        ExpressionAttributeValues: { ...valuesOf(end), ':holder': holder, ':until': until },
        ReturnValues: 'ALL_NEW',
      });
      return renewed && toSocket(renewed.Attributes as unknown as SocketRow);
    },

    async endPump(connectionId, end) {
      const { holder, announced, requestId } = end;
      const isDone = announced !== undefined;
      const ended = await updateIf(connectionId, {
        ...progress(end, {
          sets: requestId === undefined ? [] : ['replayRequestId = :request'],
          removes: ['pumpHolder', 'pumpUntil', ...(isDone ? ['news', 'announced'] : [])],
        }),
        ConditionExpression: isDone ? `${isHolder} AND ${nothingNew}` : isHolder,
        ExpressionAttributeValues: {
          ...valuesOf(end),
          ':holder': holder,
          ...(isDone && { ':announced': announced }),
          ...(requestId !== undefined && { ':request': requestId }),
        },
      });
      return ended !== undefined;
    },
  };
}

/** How far the pump has come, with what else is set and removed. */
function progress(
  { sent, refusedAt }: EndedPump,
  { sets, removes }: { sets: string[]; removes: string[] },
): Pick<Change, 'UpdateExpression' | 'ExpressionAttributeNames'> {
  const keys = [...sent.keys()];
  const all = [
    ...sets,
    ...keys.map((_key, index) => `#sent${index} = :sent${index}`),
    ...(refusedAt === undefined ? [] : ['refusedAt = :refusedAt']),
  ];
  const gone = refusedAt === undefined ? [...removes, 'refusedAt'] : removes;
  const set = all.length > 0 ? `SET ${all.join(', ')}` : '';
  const remove = gone.length > 0 ? `REMOVE ${gone.join(', ')}` : '';
  return {
    UpdateExpression: `${set} ${remove}`.trim(),
    ...(keys.length > 0 && {
      ExpressionAttributeNames: Object.fromEntries(
        keys.map((key, index) => [`#sent${index}`, sentAttribute(key)]),
      ),
    }),
  };
}

const valuesOf = ({ sent, refusedAt }: EndedPump): Record<string, unknown> => ({
  ...Object.fromEntries([...sent.values()].map((position, index) => [`:sent${index}`, { ...position }])),
  ...(refusedAt !== undefined && { ':refusedAt': refusedAt }),
});
