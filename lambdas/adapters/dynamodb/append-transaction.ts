/**
 * The one transaction that appends a message: what it writes under which conditions, and what its
 * failure means.
 */
import { hash } from 'node:crypto';
import type { CancellationReason, Put } from '../../aws/dynamodb.ts';
import type { Position } from '../../domain/model.ts';
import type { AppendOutcome, AppendRequest, IdempotencyKey } from '../../domain/ports.ts';
import { isConditionFailed, isConflict } from './faults.ts';
import { toHeadRow, toMessageRow } from './message-rows.ts';
import { type PublishRow, type TableNames, toSeconds } from './tables.ts';

export type LogTables = Pick<TableNames, 'messages' | 'publishes'>;

/**
 * Two appends that read the same head would both take its next seq: the second must find the head
 * moved.
 */
const headAsRead = 'epoch = :epoch AND head = :head';

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

/**
 * A publisher's retry must not become a second message, even when the retry overtakes the first
 * try. A key of another epoch stands for a message that may be gone with that epoch.
 */
const keyUnused = 'attribute_not_exists(channel) OR expiresAt <= :now OR epoch <> :epoch';

type Actions = { Put: Put }[];

/** A message is withdrawn once: the second withdrawal must not be told as one. */
const stillKept = 'id = :id AND attribute_not_exists(withdrawnBy)';

const HEAD = 0;
const MESSAGE = 1;
/** A withdrawal has no key, so no append has both. */
const PUBLISH = 2;
const WITHDRAWN = 2;

export function appendActions(
  tables: LogTables,
  { channel, expected, next, message, idempotency, withdraws, now }: AppendRequest,
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
  if (idempotency) {
    actions[PUBLISH] = {
      Put: {
        TableName: tables.publishes,
        Item: toPublishRow(channel, next, idempotency),
        ConditionExpression: keyUnused,
        ExpressionAttributeValues: { ':now': Math.floor(now / 1000), ':epoch': next.epoch },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    };
  }
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
  return actions;
}

/** Undefined: the transaction failed for another reason than a race. */
export function appendFailure(
  reasons: CancellationReason[],
  { idempotency, withdraws }: Pick<AppendRequest, 'idempotency' | 'withdraws'>,
): AppendOutcome | undefined {
  const withdrawn = withdraws && reasons[WITHDRAWN];
  // Only if nothing else failed: if the head has moved, too, an earlier try of ours may have
  // succeeded and withdrawn the message.
  if (withdrawn && isConditionFailed(withdrawn) && reasons.slice(0, WITHDRAWN).every(isNone))
    return { outcome: 'not_kept' };
  const publish = reasons[PUBLISH];
  // Before the check for a lost race: a used key is used wherever the head is, so another try would
  // find the same.
  if (publish && isConditionFailed(publish) && idempotency) {
    const { seq, payloadHash } = (publish.Item ?? {}) as Partial<PublishRow>;
    if (seq === undefined || payloadHash === undefined) return undefined;
    return { outcome: 'duplicate', seq, samePayload: payloadHash === hashOf(idempotency.payload) };
  }
  const lostRace = reasons.some((reason) => isConditionFailed(reason) || isConflict(reason));
  return lostRace ? { outcome: 'lost_race' } : undefined;
}

const isNone = ({ Code }: CancellationReason): boolean => Code === 'None';

const toPublishRow = (
  channel: string,
  { epoch, seq }: Position,
  { key, payload, expiresAt }: IdempotencyKey,
): PublishRow => ({
  channel,
  idempotencyKey: key,
  epoch,
  seq,
  payloadHash: hashOf(payload),
  expiresAt: toSeconds(expiresAt),
});

const hashOf = (payload: string): string => hash('sha256', payload, 'base64url');
