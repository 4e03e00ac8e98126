/**
 * Publishes a notification. Everything is checked before anything is written, and nothing is posted
 * before the message is stored.
 */

import { allEnded, mapConcurrently } from '../../concurrency.ts';
import { RequestError } from '../../protocol/errors.ts';
import type { JsonText } from '../../protocol/frames.ts';
import { MAX_MESSAGE_BYTES, messageBytes } from '../../protocol/limits.ts';
import type { Notification } from '../../protocol/notification.ts';
import type { App } from '../app.ts';
import { skipOwnMessage } from '../cursor.ts';
import { asError, Busy } from '../errors.ts';
import { escalateLater } from '../escalation.ts';
import type { Draft } from '../log/append.ts';
import { isKept } from '../log/read.ts';
import type { Channel, Stored } from '../model.ts';
import { type Origin, originIn } from '../origin.ts';
import { canonicalJson, parseExactly } from './canonical-json.ts';
import { type Deliveries, deliver, type PublishContext } from './deliver.ts';
import { applyType } from './message-types.ts';
import { isTraced } from './trace.ts';

const CONCURRENT_CHANNELS = 10;

/** The channel of one result; of a user's own channel, the user, too. */
interface ResultOf {
  channel: string;
  userId?: string;
}

export interface Published extends ResultOf, Deliveries {
  seq: number;
  duplicate: boolean;
}

export interface Unpublished extends ResultOf {
  error: { code: 'idempotency_conflict' | 'busy' | 'internal'; message: string; retryable: boolean };
}

export interface PublishAnswer {
  id: string;
  /** One per channel, in the order given. */
  results: (Published | Unpublished)[];
}

/**
 * Throws a {@link RequestError} when the whole notification is refused; a fault of one
 * channel stays with that channel.
 */
export async function publish(app: App, notification: Notification): Promise<PublishAnswer> {
  const { channels, type, origin, collapseKey, escalate } = notification;
  refuseSwitchedOff(app, channels);
  const payload = notification.id === undefined ? undefined : payloadOf(notification);
  const { data, retentionSeconds } = await applyType(notification, app.types, app.settings);
  const draft: Omit<Draft, keyof Origin> = {
    id: notification.id ?? app.ids.next(),
    type,
    data: jsonText(data),
    collapseKey,
    retentionSeconds,
    payload,
    ...(escalate && { escalate, ack: 'now' as const }),
  };
  refuseTooLarge(draft);
  const context = {
    publishedAt: app.clock.now(),
    traced: isTraced(app, draft.id, notification.trace),
  };
  const results = await mapConcurrently(channels, CONCURRENT_CHANNELS, (channel) =>
    publishTo(app, channel, { ...draft, ...originIn(channel, origin) }, context),
  );
  report(app, draft.id, results, context);
  return { id: draft.id, results };
}

async function publishTo(
  app: App,
  channel: Channel,
  draft: Draft,
  context: PublishContext,
): Promise<Published | Unpublished> {
  const of = resultOf(channel);
  try {
    const appended = await app.log.append(channel, draft);
    if (appended.outcome === 'conflict') return { ...of, error: conflictOf(draft.id) };
    const duplicate = appended.outcome === 'duplicate';
    const { epoch, message } = appended;
    const seq = duplicate ? appended.seq : appended.message.seq;
    // The message of a repeated request may have expired since, or been withdrawn.
    const isToldStill = message !== undefined && isKept(message, app.clock.now());
    if (!isToldStill) return { ...of, seq, duplicate, ...NOBODY };
    const stored = { channel, epoch, message };
    // A repeated request queues it again: the first may have died between the append and this.
    const [deliveries] = await allEnded([
      deliverStored(app, stored, draft, context),
      escalateLater(app, stored),
    ]);
    return { ...of, seq, duplicate, ...deliveries };
  } catch (error) {
    if (error instanceof Busy) app.logger.metrics({ busy: 1 });
    app.logger.error('publish failed', { ...of, id: draft.id, error: asError(error) });
    return { ...of, error: faultOf(error) };
  }
}

function report(
  { logger, clock }: App,
  id: string,
  results: PublishAnswer['results'],
  { publishedAt, traced }: PublishContext,
): void {
  const published = results.filter((result): result is Published => 'seq' in result);
  if (traced) for (const result of published) logger.info('published', { id, ...result });
  const total = (name: keyof Deliveries) => published.reduce((sum, result) => sum + result[name], 0);
  const counts = {
    published: published.length,
    publishFailed: results.length - published.length,
    duplicates: published.filter(({ duplicate }) => duplicate).length,
    sent: total('sent'),
    gone: total('gone'),
    deferred: total('deferred'),
  };
  // Most of these counts are usually zero, and a zero costs as much log as any number: omit it.
  const counted = Object.entries(counts).filter(([, count]) => count > 0);
  logger.metrics({ ...Object.fromEntries(counted), publishMs: clock.now() - publishedAt });
}

const NOBODY: Deliveries = { connections: 0, sent: 0, excluded: 0, gone: 0, deferred: 0, queued: 0 };

const resultOf = (channel: Channel): ResultOf => ({
  channel: channel.name,
  ...(channel.kind === 'user' && { userId: channel.owner }),
});

function refuseSwitchedOff({ settings }: App, channels: Channel[]): void {
  if (settings.everyone || channels.every(({ kind }) => kind !== 'everyone')) return;
  const message = 'the channel of everyone is switched off';
  throw new RequestError('invalid_request', [{ path: 'to.everyone', message }]);
}

/**
 * Delivers what is stored. If the connections cannot even be looked up, we tell the publisher to
 * repeat the request, provided that the request has an id. Without an id a repetition would make a
 * second message: then the publisher hears that the message is stored.
 */
async function deliverStored(
  app: App,
  stored: Stored,
  { payload }: Draft,
  context: PublishContext,
): Promise<Deliveries> {
  // This promise never rejects. We await it below: what is not awaited may be lost with the Lambda.
  const skipped = skipOwnMessage(app, stored);
  try {
    return await deliver(app, stored, context);
  } catch (error) {
    if (payload !== undefined) throw error;
    const { channel, message } = stored;
    const fields = { ...resultOf(channel), seq: message.seq, error: asError(error) };
    app.logger.error('stored but not delivered', fields);
    return NOBODY;
  } finally {
    await skipped;
  }
}

/**
 * Two requests are the same if the publisher sent the same values. Neither the order of the members
 * nor the output of a validator counts.
 */
const payloadOf = ({ type, data, origin, text, ...rest }: Notification): string =>
  canonicalJson({
    type,
    data: text === undefined ? data : dataOf(parseExactly(text)),
    excludeUserId: origin.userId,
    excludeDeviceId: origin.tab === undefined ? origin.deviceId : `${origin.deviceId}/${origin.tab}`,
    collapseKey: rest.collapseKey,
    retentionSeconds: rest.retentionSeconds,
    escalate: rest.escalate,
  });

const dataOf = (body: unknown): unknown => (body as { data?: unknown }).data ?? null;

/** A validator's output may hold what JSON has no form for; what is left of `undefined` is null. */
const jsonText = (data: unknown): JsonText => JSON.stringify(data) ?? 'null';

function refuseTooLarge(draft: Pick<Draft, 'id' | 'type' | 'data'>): void {
  const bytes = messageBytes(draft);
  if (bytes <= MAX_MESSAGE_BYTES) return;
  const message = `with id and type it takes ${bytes} bytes as JSON, expected at most ${MAX_MESSAGE_BYTES}`;
  throw new RequestError('too_large', [{ path: 'data', message }]);
}

const conflictOf = (id: string): Unpublished['error'] => ({
  code: 'idempotency_conflict',
  message: `id "${id}" was used for another payload in the last 24 hours`,
  retryable: false,
});

const faultOf = (error: unknown): Unpublished['error'] =>
  error instanceof Busy
    ? { code: 'busy', message: 'Too much is published to this channel at once. Try again.', retryable: true }
    : {
        code: 'internal',
        message: 'The message could not be stored for certain. Try again.',
        retryable: true,
      };
