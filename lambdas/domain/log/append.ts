/** Adds a message to a channel's log: dense seqs, one message per idempotency key, whatever fails on the way. */
import type { App } from '../app.ts';
import { backOff } from '../concurrency.ts';
import { Busy, type Cursor, type IdempotencyKey, type Message, type MessageLog } from '../ports.ts';
import { enqueue } from './channel-queue.ts';

/**
 * Tries before a publisher that loses every race is told to come back. With so many, a burst of a hundred publishers to one
 * user is served within ten seconds or so.
 */
const MAX_TRIES = 12;
/** Faults of the store before it is given up. Each may have happened after the effect. */
const MAX_FAULTS = 3;
const RETRY_BASE_MS = 20;
const RETRY_CAP_MS = 2000;
const IDEMPOTENCY_HOURS = 24;

export interface Draft extends Pick<Message, 'id' | 'type' | 'data' | 'originDeviceId'> {
  retentionSeconds: number;
  /** Canonical text of the request, when its publisher can repeat it. Undefined: we made the id up. */
  payload: string | undefined;
}

export type Appended =
  | { outcome: 'appended'; epoch: string; message: Message }
  /** The key was used before, for the same payload. `message`: undefined once it expired. */
  | { outcome: 'duplicate'; epoch: string; seq: number; message: Message | undefined }
  /** The key was used before, for another payload. */
  | { outcome: 'conflict' };

/** Rejects with {@link Busy} when it lost every race, and with the store's fault when that stays. */
export const append = (app: App, channel: string, draft: Draft): Promise<Appended> =>
  enqueue(app, channel, () => race(app, channel, draft));

async function race(app: App, channel: string, draft: Draft): Promise<Appended> {
  const knownHead = app.heads.take(channel, app.clock.now());
  let faults = 0;
  /** Where our message stands if an attempt that failed took effect after all. */
  let doubtful: Message | undefined;

  // With a known head there is one try more: the one before the first that asks.
  for (let attempt = knownHead ? -1 : 0; attempt < MAX_TRIES; attempt++) {
    if (attempt > 0 || faults > 0) await backOff(app, attempt, RETRY_BASE_MS, RETRY_CAP_MS);
    const now = app.clock.now();
    let message: Message | undefined;
    try {
      const head = attempt < 0 ? knownHead : await app.log.head(channel);
      const standing =
        head && doubtful && draft.payload === undefined && (await findOurs(app, channel, doubtful));
      if (standing) return { outcome: 'appended', epoch: head.epoch, message: standing };
      const next = { epoch: head?.epoch ?? app.ids.next(), seq: (head?.seq ?? 0) + 1, updatedAt: now };
      message = numbered(draft, next, now);
      const result = await app.log.append(channel, head, next, message, idempotencyKey(draft, now), now);
      if (result.outcome === 'appended') {
        app.heads.keep(channel, next, now);
        return { outcome: 'appended', epoch: next.epoch, message };
      }
      if (result.outcome === 'lost_race') {
        app.logger.metrics({ lostRaces: 1 });
        if (attempt < 0) app.heads.distrust(channel, now);
      }
      // Of a known head a success is believed and nothing else: a key from before a restore would pass for a duplicate.
      if (attempt < 0) continue;
      if (result.outcome === 'duplicate') {
        return await known(app, channel, next.epoch, result, doubtful);
      }
    } catch (error) {
      if (++faults === MAX_FAULTS) throw error;
      doubtful = message ?? doubtful;
    }
  }
  throw new Busy(`${channel}: lost the race for the next seq ${MAX_TRIES} times`);
}

/**
 * Our message at the seq of an attempt that failed, if that one, or a retry of it, took effect. Only the newest attempt is in
 * question: an older one cannot take effect any more once the head has moved past it. A message with an idempotency
 * row needs no such look, its id may be another publisher's too.
 */
async function findOurs({ log }: App, channel: string, { seq, id }: Message): Promise<Message | undefined> {
  const standing = await proven(log, channel, seq);
  return standing?.id === id ? standing : undefined;
}

async function known(
  { log }: App,
  channel: string,
  epoch: string,
  { seq, samePayload }: { seq: number; samePayload: boolean },
  doubtful: Message | undefined,
): Promise<Appended> {
  if (!samePayload) return { outcome: 'conflict' };
  const message = await proven(log, channel, seq);
  const isOurs = message !== undefined && doubtful?.seq === seq;
  return isOurs ? { outcome: 'appended', epoch, message } : { outcome: 'duplicate', epoch, seq, message };
}

/** A plain read might miss the message of an append whose key already shows, and it would be delivered to nobody. */
async function proven(log: MessageLog, channel: string, seq: number): Promise<Message | undefined> {
  const proof = await log.prove(channel, [seq]);
  if (proof.outcome === 'in_doubt') throw new Busy(`${channel}: an append of seq ${seq} is under way`);
  return proof.present[0];
}

const numbered = (
  { id, type, data, originDeviceId, retentionSeconds }: Draft,
  { seq }: Cursor,
  now: number,
) => ({
  seq,
  id,
  type,
  data,
  originDeviceId,
  sentAt: now,
  expiresAt: wholeSeconds(now + retentionSeconds * 1000),
});

const idempotencyKey = ({ id, payload }: Draft, now: number): IdempotencyKey | undefined =>
  payload === undefined
    ? undefined
    : { key: id, payload, expiresAt: wholeSeconds(now + IDEMPOTENCY_HOURS * 3_600_000) };

/** Rows lapse on whole seconds, never early. */
export const wholeSeconds = (instant: number): number => Math.ceil(instant / 1000) * 1000;
