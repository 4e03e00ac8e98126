/** The rows of the Messages table and what the domain makes of them. */
import type { Head, Message } from '../../domain/model.ts';
import { defined, HEAD_SEQ, type HeadRow, type MessageRow, toMilliseconds, toSeconds } from './tables.ts';

export const headKey = (channel: string) => ({ channel, seq: HEAD_SEQ });

export const toHeadRow = (channel: string, { epoch, seq, updatedAt, keys }: Head): HeadRow => ({
  ...headKey(channel),
  epoch,
  head: seq,
  updatedAt,
  ...(keys?.recent !== undefined && { recentKeys: keys.recent }),
  ...(keys?.spilledUntil !== undefined && { spilledUntil: toSeconds(keys.spilledUntil) }),
});

export const toHead = ({ epoch, head, updatedAt, recentKeys, spilledUntil }: HeadRow): Head => ({
  epoch,
  seq: head,
  updatedAt,
  ...((recentKeys ?? spilledUntil) !== undefined && {
    keys: {
      recent: recentKeys,
      spilledUntil: spilledUntil === undefined ? undefined : toMilliseconds(spilledUntil),
    },
  }),
});

export const toMessageRow = (channel: string, message: Message): Record<string, unknown> =>
  defined({
    channel,
    seq: message.seq,
    id: message.id,
    type: message.type,
    data: message.data,
    originUserId: message.originUserId,
    originDeviceId: message.originDeviceId,
    originTab: message.originTab,
    collapseKey: message.collapseKey,
    escalate: message.escalate,
    withdrawnBy: message.withdrawnBy,
    sentAt: message.sentAt,
    expiresAt: toSeconds(message.expiresAt),
  } satisfies MessageRow);

export const toMessage = (row: MessageRow): Message => ({
  seq: row.seq,
  id: row.id,
  type: row.type,
  data: row.data,
  originUserId: row.originUserId,
  originDeviceId: row.originDeviceId,
  originTab: row.originTab,
  collapseKey: row.collapseKey,
  ...(row.escalate && { escalate: row.escalate, ack: 'now' }),
  ...(row.withdrawnBy !== undefined && { withdrawnBy: row.withdrawnBy }),
  sentAt: row.sentAt,
  expiresAt: toMilliseconds(row.expiresAt),
});
