/**
 * Withdraws a message: one write appends the withdrawal, which has a seq like any message, and
 * takes the content out of the message. So at no moment has only one of them happened.
 */
import type { Message } from '../model.ts';
import { appendDraft, proven } from './append.ts';
import type { LogContext } from './context.ts';
import { dataNaming, isWithdrawal, WITHDRAWAL } from './withdrawal.ts';

export interface Withdrawn {
  /** False: it had been withdrawn before. */
  isNew: boolean;
  epoch: string;
  /** The withdrawal itself. Undefined: it is no longer kept. */
  withdrawal: Message | undefined;
}

/**
 * Undefined: no such message is kept. `retentionSeconds`: the withdrawal is kept for so long, or as
 * long as the message would have been, if that is longer. Rejects like an append.
 */
export async function withdraw(
  log: LogContext,
  channel: string,
  seq: number,
  retentionSeconds: number,
): Promise<Withdrawn | undefined> {
  const head = await log.store.head(channel);
  if (head === undefined) return undefined;
  const message = await proven(log.store, channel, seq);
  const now = log.clock.now();
  if (message === undefined || message.expiresAt <= now || isWithdrawal(message)) return undefined;
  if (message.withdrawnBy !== undefined) {
    const withdrawal = await proven(log.store, channel, message.withdrawnBy);
    return { isNew: false, epoch: head.epoch, withdrawal };
  }
  const leftSeconds = Math.ceil((message.expiresAt - now) / 1000);
  const ended = await appendDraft(log, channel, {
    ...WITHDRAWAL,
    id: log.ids.next(),
    data: dataNaming([seq]),
    retentionSeconds: Math.max(retentionSeconds, leftSeconds),
    withdraws: message,
  });
  if (ended.outcome === 'appended') return { isNew: true, epoch: ended.epoch, withdrawal: ended.message };
  // Somebody else has withdrawn it meanwhile: or it has gone.
  return await withdraw(log, channel, seq, retentionSeconds);
}
