/**
 * How far a subscription is served: ready, paused, replayed to. These attributes stand on the row
 * of the subscription; of a user's own channel on the connection's.
 */
import type { DynamoDb, Operations } from '../../aws/dynamodb.ts';
import type { Pause, Position, Serving } from '../../domain/model.ts';
import type { ReplayEnd, ReplayLease } from '../../domain/ports/subscription-store.ts';
import { ifHolds, outlastTransactions, throwBusyIfThrottled } from './faults.ts';
import type { ServingRow } from './tables.ts';

/** The key attributes of the row. */
export type RowKey = Record<string, string>;

export const toServing = (row: ServingRow): Serving => ({
  readyAt: row.readyAt,
  startsAt: row.startsAt,
  paused: row.pausedAt === undefined ? undefined : { at: row.pausedAt, after: row.pausedAfter },
});

export const toServingRow = ({ readyAt, startsAt, paused }: Serving) => ({
  readyAt,
  startsAt,
  pausedAt: paused?.at,
  pausedAfter: paused?.after,
});

/**
 * An update of a row that is gone would create it: a `$disconnect` or an eviction may come first.
 */
export const stillThere = (partition: string) => `attribute_exists(${partition})`;

/** Several publishers may be refused at once: only one of them has the connection tried again. */
const notPaused = '(attribute_not_exists(pausedAt) OR pausedBy = :by)';

/**
 * Publishers overtake each other: the replay of an anonymous device begins before the smallest seq
 * that the device lacks.
 */
const pausedFurtherOn = 'pausedAfter > :after';

/**
 * A publisher that was refused meanwhile wants a replay from further back than the one that has
 * just ended.
 */
const pausedThere = 'pausedAfter = :after';

/**
 * One replay at a time. A lease lapses, since its Lambda may die. If the answer to our write was
 * lost, the lease on the row is our own.
 */
export const noReplay =
  '(attribute_not_exists(replayUntil) OR replayUntil <= :now OR replayHolder = :holder)';

/** If several replays are wanted, the replay that starts furthest back brings everything. */
export const wantedFurtherOn =
  'attribute_exists(replayUntil) AND (attribute_not_exists(replayWanted) OR replayWanted > :after)';

/** A lease that lapsed may be another's by now. */
const isHolder = 'replayHolder = :holder';
const noneWanted = 'attribute_not_exists(replayWanted)';

/** Two writes that depend on each other, and another Lambda between them. */
const MAX_TRIES = 4;

/** `partition`: the name of the table's partition key. */
export function createServing(dynamodb: DynamoDb, tableName: string, partition: string) {
  const stillOpen = stillThere(partition);

  /** Undefined: the condition did not hold. */
  const updateIf = (key: RowKey, change: Omit<Operations['UpdateItem']['input'], 'TableName' | 'Key'>) =>
    ifHolds(
      outlastTransactions(() => dynamodb.call('UpdateItem', { TableName: tableName, Key: key, ...change })),
    );

  const update = async (key: RowKey, UpdateExpression: string, values: Record<string, unknown>) => {
    await updateIf(key, {
      UpdateExpression,
      ConditionExpression: stillOpen,
      ExpressionAttributeValues: values,
    });
  };

  const findRow = async (key: RowKey): Promise<ServingRow | undefined> => {
    const get = { TableName: tableName, Key: key, ConsistentRead: true };
    const { Item } = await throwBusyIfThrottled(dynamodb.call('GetItem', get));
    return Item as ServingRow | undefined;
  };

  return {
    update,

    // Removes the request, so that the stream record of this write asks for nothing.
    async markReady(key: RowKey, readyAt: number, startsAt?: Position) {
      const sets = startsAt ? 'SET readyAt = :readyAt, startsAt = :startsAt' : 'SET readyAt = :readyAt';
      await update(key, `${sets} REMOVE replayRequestId, replayAfter`, {
        ':readyAt': readyAt,
        ...(startsAt && { ':startsAt': { epoch: startsAt.epoch, seq: startsAt.seq } }),
      });
    },

    async pause(key: RowKey, { at, after }: Pause, by: string): Promise<boolean> {
      for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
        const paused = await updateIf(key, {
          UpdateExpression: `SET pausedAt = :at, pausedBy = :by${after === undefined ? '' : ', pausedAfter = :after'}`,
          ConditionExpression: `${stillOpen} AND ${notPaused}`,
          ExpressionAttributeValues: {
            ':at': at,
            ':by': by,
            ...(after !== undefined && { ':after': after }),
          },
        });
        if (paused || after === undefined) return paused !== undefined;
        const lowered = await updateIf(key, {
          UpdateExpression: 'SET pausedAfter = :after',
          ConditionExpression: `${stillOpen} AND ${pausedFurtherOn}`,
          ExpressionAttributeValues: { ':after': after },
        });
        if (lowered) return false;
        const row = await findRow(key);
        // It was resumed between the two: it is to be paused anew.
        if (row === undefined || row.pausedAt !== undefined) return false;
      }
      return false;
    },

    async resume(key: RowKey, { after }: Pause): Promise<boolean> {
      const resumed = await updateIf(key, {
        UpdateExpression: 'REMOVE pausedAt, pausedAfter, pausedBy',
        ConditionExpression: after === undefined ? stillOpen : `${stillOpen} AND ${pausedThere}`,
        ...(after !== undefined && { ExpressionAttributeValues: { ':after': after } }),
      });
      return resumed !== undefined;
    },

    async beginReplay(
      key: RowKey,
      { holder, after, now, until }: ReplayLease,
    ): Promise<'begun' | 'wanted' | 'merged'> {
      for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
        const begun = await updateIf(key, {
          UpdateExpression:
            'SET replayHolder = :holder, replayUntil = :until REMOVE replayRequestId, replayAfter, replayWanted',
          ConditionExpression: `${stillOpen} AND ${noReplay}`,
          ExpressionAttributeValues: { ':holder': holder, ':until': until, ':now': now },
        });
        if (begun) return 'begun';
        const wanted = await updateIf(key, {
          UpdateExpression: 'SET replayWanted = :after',
          ConditionExpression: `${stillOpen} AND ${wantedFurtherOn}`,
          ExpressionAttributeValues: { ':after': after },
        });
        if (wanted) return 'wanted';
        const row = await findRow(key);
        if (row === undefined || (row.replayWanted ?? Number.POSITIVE_INFINITY) <= after) return 'merged';
        // The other replay ended between the two: this one may begin, if no third has.
      }
      return 'wanted';
    },

    async endReplay(key: RowKey, { holder, through, goesOn, requestId }: ReplayEnd): Promise<void> {
      const free = 'REMOVE replayHolder, replayUntil, replayWanted';
      const request = { ':request': requestId, ':through': through };
      const endIf = (condition: string, sets: string, values: Record<string, unknown>) =>
        updateIf(key, {
          UpdateExpression: `${sets} ${free}`.trim(),
          ConditionExpression: `${isHolder} AND ${condition}`,
          ExpressionAttributeValues: { ':holder': holder, ...values },
        });
      const onward = 'SET replayRequestId = :request, replayAfter = :through';
      const ended = goesOn ? await endIf(noneWanted, onward, request) : await endIf(noneWanted, '', {});
      if (ended) return;
      const back = 'SET replayRequestId = :request, replayAfter = replayWanted';
      // What is wanted may be lowered between two of these.
      for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
        if (await endIf('replayWanted < :through', back, request)) return;
        if (await endIf('replayWanted >= :through', onward, request)) return;
        if ((await findRow(key))?.replayHolder !== holder) return;
      }
    },

    requestReconcile: (key: RowKey, requestId: string, after?: number): Promise<void> =>
      after === undefined
        ? update(key, 'SET replayRequestId = :request REMOVE replayAfter', { ':request': requestId })
        : update(key, 'SET replayRequestId = :request, replayAfter = :after', {
            ':request': requestId,
            ':after': after,
          }),
  };
}
