/**
 * What a user has read: one row a user, changed under an optimistic lock, and told to every open
 * connection of the user. Each telling has its version, so neither order nor repetition matters.
 */

import { mapConcurrently } from '../../concurrency.ts';
import type { ReadFrame, ReadState } from '../../protocol/frames.ts';
import { MAX_READ_SINGLES } from '../../protocol/limits.ts';
import type { Mark } from '../../protocol/read-mark.ts';
import type { App } from '../app.ts';
import { backOff } from '../back-off.ts';
import { pause, requestOf } from '../connection/pause.ts';
import { delaySecondsOf, forgetGone, isExpired, OPENING_DELAY, sendWithRetry } from '../connection/send.ts';
import { asError, Busy } from '../errors.ts';
import { logged } from '../log-fields.ts';
import { type Connection, type Head, ownSubscription, userChannel } from '../model.ts';
import type { StoredReadState } from '../ports/read-state-store.ts';
import { areSameMarks, NOTHING_READ, withMark } from './read-marks.ts';
import { countUnread } from './unread.ts';

const MAX_TRIES = 8;
const RETRY_BASE_MS = 10;
const RETRY_CAP_MS = 200;
const CONCURRENT_POSTS = 10;

/** The state in the epoch of `head`: what was read in another one says nothing of this one. */
export const readStateIn = ({ epoch }: Head, stored: StoredReadState | undefined): ReadState =>
  stored?.epoch === epoch
    ? { version: stored.version, through: stored.through, seqs: stored.seqs }
    : { version: stored?.version ?? 0, ...NOTHING_READ };

export const readStateOf = async ({ readStates }: App, userId: string, head: Head): Promise<ReadState> =>
  readStateIn(head, await readStates.find(userId));

/** What a mark may leave, for whoever is refused with `too_many`. */
export const TOO_MANY_SINGLES_RULE = `expected a seq that leaves at most ${MAX_READ_SINGLES} single ones after it`;

/** Why a mark is not made. `path`: of the first seq that is past the head. */
export type Refusal = { refused: 'past_head'; path: string; head: number } | { refused: 'too_many' };

/**
 * Makes a mark and tells the user's connections, if it changes anything. Returns the state as it
 * then stands. Rejects with a `Busy` when others changed the state each time. If we fail once the
 * change is stored, a repeat changes nothing: the next change or `ready` tells the connections.
 */
export async function mark(app: App, userId: string, made: Mark): Promise<ReadFrame | Refusal> {
  let meant: string | undefined;
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    if (attempt > 0) await backOff(app, attempt, RETRY_BASE_MS, RETRY_CAP_MS);
    const head = await app.log.open(userChannel(userId));
    // The user was erased: in the numbering of now, the seqs that were meant are other messages.
    if (meant !== undefined && head.epoch !== meant) return pastHead(made, head);
    meant = head.epoch;
    if (await isPastHead(app, userId, head, made)) return pastHead(made, head);
    const stored = await app.readStates.find(userId);
    const before = readStateIn(head, stored);
    const marks = withMark(before, made);
    if (marks === undefined) return { refused: 'too_many' };
    if (areSameMarks(before, marks)) {
      // A try before this one may have changed the state, though it was reported failed or refused.
      return attempt === 0
        ? await readFrame(app, userId, head, before)
        : await toldToAll(app, userId, head, before);
    }
    const state = { version: before.version + 1, ...marks };
    if (await isReplaced(app, userId, stored, { epoch: head.epoch, ...state }, attempt))
      return await toldToAll(app, userId, head, state);
  }
  throw new Busy(`${userId}: the read state is changed by others each time`);
}

/**
 * Whether the state certainly took the place of the one before. The first fault counts as a no: the
 * next try finds out.
 */
async function isReplaced(
  { readStates, logger }: App,
  userId: string,
  before: StoredReadState | undefined,
  state: StoredReadState,
  attempt: number,
): Promise<boolean> {
  try {
    return await readStates.replace(userId, before?.version ?? 0, state, before?.epoch);
  } catch (error) {
    if (attempt > 0) throw error;
    logger.warn('read state in doubt', { userId, error: asError(error) });
    return false;
  }
}

async function toldToAll(app: App, userId: string, head: Head, state: ReadState): Promise<ReadFrame> {
  const frame = await readFrame(app, userId, head, state);
  await tell(app, userId, head, frame);
  app.logger.info('marked', { userId, version: state.version, through: state.through });
  return frame;
}

async function isPastHead(app: App, userId: string, head: Head, made: Mark): Promise<boolean> {
  return !(await app.log.has(userChannel(userId), head, Math.max(...seqsOf(made))));
}

const seqsOf = (made: Mark): number[] =>
  'through' in made ? [made.through] : 'seqs' in made ? made.seqs : made.unread;

function pastHead(made: Mark, { seq: head }: Head): Refusal {
  const [form = ''] = Object.keys(made);
  const index = seqsOf(made).findIndex((seq) => seq > head);
  const path = 'through' in made || index < 0 ? form : `${form}[${index}]`;
  return { refused: 'past_head', path, head };
}

async function readFrame(app: App, userId: string, head: Head, state: ReadState): Promise<ReadFrame> {
  const channel = userChannel(userId);
  const unread = await countUnread(app, channel, head, state);
  return { event: 'read', channel: channel.name, epoch: head.epoch, ...state, unread };
}

/**
 * Posts the state to every connection of the user, the reader's too. A connection that is not ready
 * yet may have been composed its `ready` before the change: it is told when that is over.
 */
async function tell(app: App, userId: string, head: Head, frame: ReadFrame): Promise<void> {
  const connections = await app.connections.list(userId);
  const open = connections.filter((connection) => !connection.bye && !isExpired(app, connection));
  await mapConcurrently(open, CONCURRENT_POSTS, (connection) => tellOne(app, connection, head, frame));
}

/** Never rejects: the state is stored, and the connection's next `ready` tells it, too. */
async function tellOne(app: App, connection: Connection, head: Head, frame: ReadFrame): Promise<void> {
  const subscription = ownSubscription(connection);
  try {
    if (connection.readyAt === undefined) {
      const request = { ...requestOf(subscription), readState: true as const };
      return await app.later.reconcile(request, delaySecondsOf(app, connection, OPENING_DELAY));
    }
    // Whoever resumes the connection tells it the state.
    if (connection.paused) return;
    const outcome = await sendWithRetry(app, connection, frame);
    if (outcome === 'gone') await forgetGone(app, subscription);
    else if (outcome === 'throttled' || outcome === 'failed') await pause(app, subscription, head.seq);
  } catch (error) {
    app.logger.warn('read state not told', { ...logged(connection), error: asError(error) });
  }
}

/** Tells one connection the state as it stands, if anything was ever marked. */
export async function tellReadState(app: App, connection: Connection, head: Head): Promise<void> {
  const { userId } = connection;
  const state = await readStateOf(app, userId, head);
  if (state.version === 0) return;
  const frame = await readFrame(app, userId, head, state);
  await tellOne(app, { ...connection, paused: undefined }, head, frame);
}
