/**
 * Who starts a new connection: on its row, under the lease that lets one replay at a time run.
 */
import type { DynamoDb, Operations } from '../../aws/dynamodb.ts';
import type { Connection, ConnectionKey } from '../../domain/model.ts';
import type { ConnectionStore } from '../../domain/ports/connection-store.ts';
import { ifHolds, outlastTransactions } from './faults.ts';
import { noReplay, stillThere, wantedFurtherOn } from './serving.ts';
import type { ConnectionRow } from './tables.ts';

/** Its client and the stream may come at once: one of them starts the connection. */
const notStarted = 'attribute_not_exists(readyAt) AND attribute_not_exists(bye)';

/**
 * A lease that lapsed may be another's by now. It may have been given back by this very write,
 * whose answer was lost.
 */
const isStarter = 'startedBy = :by';

const stillOpen = stillThere('userId');

type Starts = Pick<ConnectionStore, 'beginStart' | 'markStarted' | 'wantStartAfter'>;

export function createStarts(dynamodb: DynamoDb, tableName: string): Starts {
  /** Undefined: the condition did not hold. */
  const updateIf = (
    { userId, connectionId }: ConnectionKey,
    change: Omit<Operations['UpdateItem']['input'], 'TableName' | 'Key'>,
  ) => {
    const Key = { userId, connectionId };
    return ifHolds(
      outlastTransactions(() => dynamodb.call('UpdateItem', { TableName: tableName, Key, ...change })),
    );
  };

  return {
    async beginStart(key, { holder, now, until }) {
      const begun = await updateIf(key, {
        UpdateExpression:
          'SET replayHolder = :holder, replayUntil = :until, startedBy = :holder REMOVE replayRequestId, replayAfter',
        ConditionExpression: `${stillOpen} AND ${notStarted} AND ${noReplay}`,
        ExpressionAttributeValues: { ':holder': holder, ':until': until, ':now': now },
      });
      return begun !== undefined;
    },

    async markStarted(key, { by, readyAt, startsAt, after, until }) {
      const sets = ['readyAt = :readyAt', 'startedAfter = :after'];
      if (startsAt) sets.push('startsAt = :startsAt');
      if (until !== undefined) sets.push('replayUntil = :until');
      const lease = until === undefined ? ', replayHolder, replayUntil' : '';
      const marked = await updateIf(key, {
        UpdateExpression: `SET ${sets.join(', ')} REMOVE replayRequestId, replayAfter, replayWanted${lease}`,
        ConditionExpression: `${stillOpen} AND ${isStarter}`,
        ExpressionAttributeValues: {
          ':by': by,
          ':readyAt': readyAt,
          ':after': after,
          ...(startsAt && { ':startsAt': { epoch: startsAt.epoch, seq: startsAt.seq } }),
          ...(until !== undefined && { ':until': until }),
        },
        ReturnValues: 'ALL_OLD',
      });
      return marked && { wanted: (marked.Attributes as Partial<ConnectionRow>).replayWanted };
    },

    async wantStartAfter(key, after) {
      const wanted = await updateIf(key, {
        UpdateExpression: 'SET replayWanted = :after',
        ConditionExpression: `${stillOpen} AND ${notStarted} AND ${wantedFurtherOn}`,
        ExpressionAttributeValues: { ':after': after },
      });
      return wanted !== undefined;
    },
  };
}

export const toStart = (row: ConnectionRow): Pick<Connection, 'start'> =>
  row.startedBy === undefined
    ? {}
    : {
        start: {
          by: row.startedBy,
          until: row.replayHolder === row.startedBy ? row.replayUntil : undefined,
          after: row.startedAfter,
        },
      };
