/**
 * Adds a message to a channel's log: dense seqs, one message per idempotency key, whatever fails on
 * the way.
 */
import { backOff } from '../back-off.ts';
import { Busy } from '../errors.ts';
import type { Head, Message } from '../model.ts';
import type { AppendOutcome, AppendRequest, IdempotencyKey, LogStore } from '../ports/log-store.ts';
import { wholeSeconds } from '../time.ts';
import type { LogContext } from './context.ts';

/**
 * How often a publisher that loses every race tries, before it is told to come back. With 12 tries,
 * a burst of a hundred publishers to one user is served within ten seconds or so.
 */
const MAX_TRIES = 12;
/** Faults of the store before the append is given up. Each may have happened after the effect. */
const MAX_FAULTS = 3;
const RETRY_BASE_MS = 20;
const RETRY_CAP_MS = 2000;
const IDEMPOTENCY_MS = 24 * 3_600_000;

export interface Draft
  extends Pick<
    Message,
    | 'id'
    | 'type'
    | 'data'
    | 'originUserId'
    | 'originDeviceId'
    | 'originTab'
    | 'collapseKey'
    | 'escalate'
    | 'ack'
  > {
  retentionSeconds: number;
  /**
   * Canonical JSON of the request, used to recognize a retry. Undefined when the publisher gave no
   * id: then nothing can repeat the request.
   */
  payload: string | undefined;
  /** The message to withdraw, as it is kept. */
  withdraws?: Message;
}

/** `not_kept`: the message to withdraw is not there any more, or withdrawn. */
export type Ended = Appended | { outcome: 'not_kept' };

export type Appended =
  | { outcome: 'appended'; epoch: string; message: Message }
  /** The key was used before, for the same payload. `message`: undefined once it expired. */
  | { outcome: 'duplicate'; epoch: string; seq: number; message: Message | undefined }
  /** The key was used before, for another payload. */
  | { outcome: 'conflict' };

/**
 * Rejects with a {@link Busy} when it lost every race, and with the store's fault when that stays.
 */
export async function append(
  log: LogContext,
  channel: string,
  draft: Omit<Draft, 'withdraws'>,
): Promise<Appended> {
  const ended = await appendDraft(log, channel, draft);
  if (ended.outcome === 'not_kept') throw new Error('only a withdrawal ends so');
  return ended;
}

/** The same for a message that may be a withdrawal. */
export async function appendDraft(log: LogContext, channel: string, draft: Draft): Promise<Ended> {
  const cached = log.heads.take(channel, log.clock.now());
  const guess = cached && (await tryCachedHead(log, channel, draft, cached));
  if (guess && 'appended' in guess) return guess.appended;
  return await appendWithRetry(log, channel, draft, guess?.uncertain);
}

/**
 * One try with a head that may be stale. Trust success only; on any other outcome retry with the
 * real head. Example: after a table restore an old idempotency key, compared with a stale epoch,
 * would look like a duplicate.
 */
async function tryCachedHead(
  log: LogContext,
  channel: string,
  draft: Draft,
  head: Head,
): Promise<{ appended: Appended } | { uncertain: Message | undefined }> {
  const request = requestOf(log, channel, draft, head);
  try {
    const { outcome } = await tryAppend(log, request);
    if (outcome === 'appended') return { appended: appendedOf(request) };
    if (outcome === 'lost_race') log.heads.invalidate(channel, request.now);
    return { uncertain: undefined };
  } catch {
    // The try may have taken effect: the real head will tell.
    return { uncertain: request.message };
  }
}

/** `uncertain`: where our message stands if an earlier try, which failed, took effect after all. */
async function appendWithRetry(
  log: LogContext,
  channel: string,
  draft: Draft,
  uncertain: Message | undefined,
): Promise<Ended> {
  let faults = uncertain ? 1 : 0;
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    if (attempt > 0 || faults > 0) await backOff(log, attempt, RETRY_BASE_MS, RETRY_CAP_MS);
    let request: AppendRequest | undefined;
    try {
      const head = await log.store.head(channel);
      // A message with an idempotency key needs no such look: the key tells. And another publisher
      // may use the same id.
      const doubt = draft.payload === undefined ? uncertain : undefined;
      const standing = head && doubt && (await findOwn(log.store, channel, doubt));
      if (standing) return { outcome: 'appended', epoch: head.epoch, message: standing };
      request = requestOf(log, channel, draft, head);
      const result = await tryAppend(log, request);
      if (result.outcome === 'appended') return appendedOf(request);
      if (result.outcome === 'not_kept') return result;
      if (result.outcome === 'duplicate') return await alreadyStored(log.store, request, result, uncertain);
    } catch (error) {
      if (++faults === MAX_FAULTS) throw error;
      uncertain = request?.message ?? uncertain;
    }
  }
  throw new Busy(`${channel}: lost the race for the next seq ${MAX_TRIES} times`);
}

async function tryAppend(
  { store, heads, logger }: LogContext,
  request: AppendRequest,
): Promise<AppendOutcome> {
  const result = await store.append(request);
  if (result.outcome === 'appended') heads.put(request.channel, result.head, request.now);
  if (result.outcome === 'lost_race') logger.metrics({ lostRaces: 1 });
  return result;
}

const appendedOf = ({ next, message }: AppendRequest): Appended => ({
  outcome: 'appended',
  epoch: next.epoch,
  message,
});

/**
 * Our message at the seq of a try that failed, if that try, or a repetition of it, took effect.
 * Only the newest try is in question: an older one cannot take effect once the head has moved past
 * it.
 */
async function findOwn(store: LogStore, channel: string, { seq, id }: Message): Promise<Message | undefined> {
  const standing = await proven(store, channel, seq);
  return standing?.id === id ? standing : undefined;
}

/**
 * The key stands already: with another payload, by our own earlier try, or by an earlier request.
 */
async function alreadyStored(
  store: LogStore,
  { channel, next: { epoch } }: AppendRequest,
  { seq, samePayload }: { seq: number; samePayload: boolean },
  uncertain: Message | undefined,
): Promise<Appended> {
  if (!samePayload) return { outcome: 'conflict' };
  const message = await proven(store, channel, seq);
  const isOurs = message !== undefined && uncertain?.seq === seq;
  return isOurs ? { outcome: 'appended', epoch, message } : { outcome: 'duplicate', epoch, seq, message };
}

/**
 * Reads with a transaction: a plain Query can see the idempotency key and not yet the message. We
 * would then report a duplicate and deliver nothing.
 */
export async function proven(store: LogStore, channel: string, seq: number): Promise<Message | undefined> {
  const proof = await store.prove(channel, [seq]);
  if (proof.outcome === 'in_doubt') throw new Busy(`${channel}: an append of seq ${seq} is under way`);
  return proof.present[0];
}

function requestOf(
  { clock, ids }: LogContext,
  channel: string,
  draft: Draft,
  head: Head | undefined,
): AppendRequest {
  const now = clock.now();
  const seq = (head?.seq ?? 0) + 1;
  const { retentionSeconds, payload, withdraws, ...message } = draft;
  const expiresAt = wholeSeconds(now + retentionSeconds * 1000);
  return {
    channel,
    expected: head,
    next: { epoch: head?.epoch ?? ids.next(), seq, updatedAt: now },
    message: { ...message, seq, sentAt: now, expiresAt },
    idempotency: idempotencyKey(draft, now),
    ...(withdraws && { withdraws: { ...withoutContent(withdraws), withdrawnBy: seq } }),
    now,
  };
}

/** The id stays: a publisher whose answer was lost finds its message by it. */
const withoutContent = (message: Message): Message => ({
  ...message,
  data: 'null',
  originUserId: undefined,
  originDeviceId: undefined,
  originTab: undefined,
  collapseKey: undefined,
  escalate: undefined,
});

const idempotencyKey = ({ id, payload }: Draft, now: number): IdempotencyKey | undefined =>
  payload === undefined ? undefined : { key: id, payload, expiresAt: wholeSeconds(now + IDEMPOTENCY_MS) };
