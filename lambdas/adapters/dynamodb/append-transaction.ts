/**
 * The one transaction that appends a message: what it writes under which conditions, and what its
 * failure means.
 */
import type { CancellationReason, Put } from '../../aws/dynamodb.ts';
import type { Head } from '../../domain/model.ts';
import type { AppendOutcome, AppendRequest } from '../../domain/ports/log-store.ts';
import { isConditionFailed, isConflict } from './faults.ts';
import { toHeadRow, toMessageRow } from './message-rows.ts';
import type { RecentKey } from './recent-keys.ts';
import type { PublishRow, TableNames } from './tables.ts';

export type LogTables = Pick<TableNames, 'messages' | 'publishes'>;

/**
 * Two appends that read the same head would both take its next seq: the second must find the head
 * moved.
 */
export const headAsRead = 'epoch = :epoch AND head = :head';

/**
 * Several callers may open a channel at once: only the first write holds, so that the epoch never
 * changes.
 */
export const noHeadYet = 'attribute_not_exists(channel)';

/**
 * A seq is never given twice, not even where the head row was tampered with or restored from a
 * backup.
 */
const seqUnused = 'attribute_not_exists(channel)';

type Actions = { Put: Put }[];

/** A message is withdrawn once: the second withdrawal must not be told as one. */
const stillKept = 'id = :id AND attribute_not_exists(withdrawnBy)';

const HEAD = 0;
const MESSAGE = 1;
const WITHDRAWN = 2;

/** `next`: the head with its keys. `spilled`: the keys that it has no room for. */
export function appendActions(
  tables: LogTables,
  { channel, expected, message, withdraws }: AppendRequest,
  next: Head,
  spilled: RecentKey[],
): Actions {
  const actions: Actions = [];
  actions[HEAD] = {
    Put: {
      TableName: tables.messages,
      Item: toHeadRow(channel, next),
      ...(expected === undefined
        ? { ConditionExpression: noHeadYet }
        : {
            ConditionExpression: headAsRead,
            ExpressionAttributeValues: { ':epoch': expected.epoch, ':head': expected.seq },
          }),
    },
  };
  actions[MESSAGE] = {
    Put: {
      TableName: tables.messages,
      Item: toMessageRow(channel, message),
      ConditionExpression: seqUnused,
    },
  };
  if (withdraws) {
    actions[WITHDRAWN] = {
      Put: {
        TableName: tables.messages,
        Item: toMessageRow(channel, withdraws),
        ConditionExpression: stillKept,
        ExpressionAttributeValues: { ':id': withdraws.id },
      },
    };
  }
  for (const key of spilled) {
    actions.push({ Put: { TableName: tables.publishes, Item: toPublishRow(channel, next.epoch, key) } });
  }
  return actions;
}

/** Undefined: the transaction failed for another reason than a race. */
export function appendFailure(
  reasons: CancellationReason[],
  { withdraws }: Pick<AppendRequest, 'withdraws'>,
): AppendOutcome | undefined {
  const withdrawn = withdraws && reasons[WITHDRAWN];
  // Only if nothing else failed: if the head has moved, too, an earlier try of ours may have
  // succeeded and withdrawn the message.
  if (withdrawn && isConditionFailed(withdrawn) && reasons.slice(0, WITHDRAWN).every(isNone))
    return { outcome: 'not_kept' };
  const lostRace = reasons.some((reason) => isConditionFailed(reason) || isConflict(reason));
  return lostRace ? { outcome: 'lost_race' } : undefined;
}

const isNone = ({ Code }: CancellationReason): boolean => Code === 'None';

const toPublishRow = (channel: string, epoch: string, spilled: RecentKey): PublishRow => ({
  channel,
  idempotencyKey: spilled.key,
  epoch,
  seq: spilled.seq,
  payloadHash: spilled.payload,
  expiresAt: spilled.expiresAt,
});
