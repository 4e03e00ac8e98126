/**
 * Starts a new connection: `ready`, then what its device missed. Whoever takes the lease of the
 * start does it: the stream, which hears of every new row, or the first `sync` of the client,
 * which is there sooner.
 */
import type { ReadState } from '../../protocol/frames.ts';
import type { App } from '../app.ts';
import { beginInitial, initialSubscriptions, type Places, placesOf } from '../channel/initial.ts';
import { isAccepted } from '../connection/first-frame.ts';
import { enforceConnectionLimits } from '../connection/limits.ts';
import { sendWithRetry } from '../connection/send.ts';
import { findStart, seqIn } from '../cursor.ts';
import { readStateIn, tellReadState } from '../inbox/read-state.ts';
import { logged } from '../log-fields.ts';
import { type Connection, type Head, ownSubscription, type Position, type Subscription } from '../model.ts';
import { catchUp } from './catch-up.ts';
import { LEASE_SECONDS, type Lease, newLease } from './replay.ts';

/** How a start was asked for. */
export interface StartOptions {
  /** Names the start, where the same request may be handed over again. */
  startId?: string | undefined;
  /** Where the replay begins, given where the device stands. */
  afterOf(head: Head, cursor: number): number;
  deadlineAt: number;
}

/**
 * False: nothing was done, since another starts the connection, or it has changed. When this
 * rejects, the lease was given back, and any start may follow. If giving it back failed, too, only
 * a start of the same `startId` may follow until the lease lapses.
 */
export async function start(app: App, connection: Connection, options: StartOptions): Promise<boolean> {
  const lease = { ...newLease(app), ...(options.startId !== undefined && { holder: options.startId }) };
  try {
    if (!(await app.connections.beginStart(connection, lease))) return false;
    await startUnder(app, connection, lease, options);
    return true;
  } catch (error) {
    // Also where taking the lease failed: the store may have given it, and only its answer was
    // lost. If this fails, too, the lease lapses.
    await giveBackStart(app, connection, lease.holder).catch(() => undefined);
    throw error;
  }
}

async function startUnder(
  app: App,
  connection: Connection,
  lease: Lease,
  options: StartOptions,
): Promise<void> {
  const subscription = ownSubscription(connection);
  const places = await placesOf(app, connection, await initialSubscriptions(app, connection));
  if (places === undefined) return;
  const { head, cursor } = places;
  const readiness = { ...places, read: readStateIn(head, places.readState) };
  const after = options.afterOf(head, cursor);
  const outcome = await sendReady(app, connection, readiness);
  // Before anybody is asked to try again.
  if (outcome !== 'sent') await giveBackStart(app, connection, lease.holder);
  if (await isAccepted(app, subscription, outcome, { cursor, startId: options.startId }))
    await goOn(app, connection, { ...readiness, after, lease, deadlineAt: options.deadlineAt });
}

/**
 * Another may start the connection at once, and need not wait until the lease lapses. What was
 * wanted of this start meanwhile is asked for anew, and no more than that.
 */
const giveBackStart = (app: App, connection: Connection, holder: string): Promise<void> =>
  app.subscriptions.endReplay(ownSubscription(connection), {
    ...{ holder, through: Number.MAX_SAFE_INTEGER, goesOn: false },
    requestId: app.ids.next(),
  });

/** Whether somebody starts the connection, or has made it ready and still replays. */
export const isUnderWay = ({ clock }: App, { start }: Connection): boolean =>
  start?.until !== undefined && start.until > clock.now();

/**
 * Where a device stands in a channel that it begins to hear. Undefined: its connection is being
 * closed, and nobody is told.
 */
export async function placeOf(
  app: App,
  subscription: Subscription,
): Promise<{ head: Head; cursor: number } | undefined> {
  const head = await app.log.open(subscription.channel, subscription);
  const { deviceId, readyAt, startsAt } = subscription;
  // An anonymous device was connected as its user joined: it hears what was published since.
  const began = deviceId === undefined && readyAt === undefined ? seqIn(head, startsAt) : undefined;
  const cursor = began ?? (await findStart(app, subscription, head, startsAt));
  return cursor === undefined ? undefined : { head, cursor };
}

/** An anonymous device hears what follows the head, and may not ask for more. */
export const startOfAnonymous = (
  { deviceId }: Pick<Connection, 'deviceId'>,
  { epoch, seq }: Position,
): Position | undefined => (deviceId === undefined ? { epoch, seq } : undefined);

/** What `ready` tells. */
interface Readiness extends Omit<Places, 'readState'> {
  read: ReadState;
}

/** Bytes of a `ready` for subscriptions and single seqs, each at its longest. */
const READY_ROOM = 30 * 1024;
const MAX_STATE_BYTES = 256;
const MAX_SEQ_BYTES = 17;

const isReadTold = ({ read, initial }: Readiness): boolean =>
  read.seqs.length * MAX_SEQ_BYTES + initial.length * MAX_STATE_BYTES <= READY_ROOM;

/** Until the gateway accepts it, for a moment. */
function sendReady(app: App, connection: Connection, readiness: Readiness) {
  const { connectionId, userId, deviceId = null } = connection;
  const { head, cursor, initial, read } = readiness;
  return sendWithRetry(app, connection, {
    event: 'ready',
    connectionId,
    userId,
    deviceId,
    channel: ownSubscription(connection).channel.name,
    epoch: head.epoch,
    head: head.seq,
    cursor,
    subscriptions: initial.map(({ state }) => state),
    ...(isReadTold(readiness) && { read }),
    serverAt: app.clock.now(),
  });
}

/**
 * `ready` was accepted: opens the connection to live messages, and replays. A publisher that found
 * it not ready has committed before, so the log read that follows sees its message.
 */
async function goOn(
  app: App,
  connection: Connection,
  { after, lease, deadlineAt, ...readiness }: Readiness & { after: number; lease: Lease; deadlineAt: number },
): Promise<void> {
  const { head, cursor, initial } = readiness;
  const subscription = ownSubscription(connection);
  await beginInitial(app, connection, initial);
  // Last: if the Lambda dies before, all of it is done again.
  const readyAt = app.clock.now();
  const until = after < head.seq ? readyAt + LEASE_SECONDS * 1000 : undefined;
  const startsAt = startOfAnonymous(connection, head);
  const started = { by: lease.holder, readyAt, startsAt, after, until };
  const marked = await app.connections.markStarted(connection, started);
  // Another starts it, or it is gone.
  if (marked === undefined) return;
  app.logger.info('ready', { ...logged(connection), cursor, head: head.seq });
  app.logger.metrics({
    connected: 1,
    connectToReadyMs: app.clock.now() - connection.connectedAt,
    cursorLag: Math.max(0, head.seq - cursor),
  });
  if (!isReadTold(readiness)) await tellReadState(app, { ...connection, readyAt }, head);
  if (connection.handover) await enforceConnectionLimits(app, connection.userId);
  const held = until === undefined ? undefined : { ...lease, until };
  const isAnonymous = connection.deviceId === undefined;
  const from = Math.min(after, isAnonymous ? after : (marked.wanted ?? after));
  const isResumed = await catchUp(app, subscription, { after: from, deadlineAt, lease: held });
  // While it was paused it was told nothing.
  if (isResumed) await tellReadState(app, connection, head);
}
