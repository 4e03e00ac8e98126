/** Sends a device what it missed, in order, in windows a phone can take. */
import { encodeReady, encodeReplay } from '../../protocol/frames.ts';
import { REPLAY_WINDOW_FRAMES } from '../../protocol/limits.ts';
import type { App } from '../app.ts';
import { openChannel, userChannel } from '../channel.ts';
import { closeConnection, logged } from '../connection/close.ts';
import { enforceConnectionLimits } from '../connection/open.ts';
import { forgetGone, isExpired, mayBeOpening, post, Undeliverable, withRetry } from '../connection/send.ts';
import { cursorOf, lastSeen } from '../cursor.ts';
import { readLog } from '../log/read.ts';
import { pack, type ReplayChunk } from '../pack.ts';
import type { Connection, ConnectionKey, Cursor, Head, PostOutcome } from '../ports.ts';

/**
 * Brings a connection to where its state says it should be: closed, or ready and caught up. A function of the
 * stores' current state: run twice, late or at once with another, it sends again at worst.
 * `after`: replay from there instead of the device's cursor. Past `deadlineAt` it stops and asks to go on.
 */
export async function drive(
  app: App,
  key: ConnectionKey,
  after: number | undefined,
  deadlineAt: number,
): Promise<void> {
  const connection = await app.connections.find(key);
  if (connection === undefined) return;
  if (connection.bye) return await closeConnection(app, connection, connection.bye);
  if (isExpired(app, connection)) return await expire(app, connection);

  const channel = userChannel(connection.userId);
  const head = await openChannel(app, channel);
  const cursor = await startOf(app, connection, channel, head);
  if (connection.readyAt === undefined && !(await announce(app, connection, channel, head, cursor))) return;
  await replay(app, connection, channel, after ?? cursor, deadlineAt);
}

/** Where a replay starts that names no seq: an anonymous device has missed nothing. */
export async function startOf(
  app: App,
  connection: Connection,
  channel: string,
  head: Head,
): Promise<number> {
  const { userId, deviceId } = connection;
  return deviceId === undefined ? head.seq : await cursorOf(app, { userId, deviceId }, channel, head);
}

/**
 * Posts `ready` until the gateway accepts it, then opens the connection to live messages: a publisher that found it closed
 * to them has committed before, so the log read that follows sees its message. False: there is nothing to replay to.
 */
async function announce(
  app: App,
  connection: Connection,
  channel: string,
  head: Head,
  cursor: number,
): Promise<boolean> {
  const { connectionId, userId, deviceId = null } = connection;
  const outcome = await withRetry(app, connection, () => {
    const serverAt = app.clock.now();
    const ready = {
      connectionId,
      userId,
      deviceId,
      channel,
      epoch: head.epoch,
      head: head.seq,
      cursor,
      serverAt,
    };
    return post(app, connection, encodeReady(ready));
  });
  switch (outcome) {
    case 'sent':
      await app.connections.markReady(connection, app.clock.now());
      app.logger.info('ready', { ...logged(connection), cursor, head: head.seq });
      if (connection.handover) await enforceConnectionLimits(app, userId);
      app.logger.metrics({
        connected: 1,
        connectToReadyMs: app.clock.now() - connection.connectedAt,
        cursorLag: Math.max(0, head.seq - cursor),
      });
      return true;
    case 'expired':
      await expire(app, connection);
      return false;
    case 'gone':
      // Its handshake is not over: come back through the stream, rather than hold up the others of this batch.
      if (mayBeOpening(app, connection)) await app.connections.requestReconcile(connection, app.ids.next());
      else await forgetGone(app, connection);
      return false;
    default:
      throw new Undeliverable(`${connection.connectionId}: ready: ${outcome}`);
  }
}

/**
 * Replays everything after `after`. In ack mode `client` it stops after a window, and the client's `sync` goes on; in mode
 * `auto` an accepted window moves the cursor, and it goes on by itself.
 */
export async function replay(
  app: App,
  connection: Connection,
  channel: string,
  after: number,
  deadlineAt: number,
): Promise<void> {
  const head = await openChannel(app, channel);
  let frames = 0;
  for await (const portion of missed(app, connection, channel, head, after)) {
    const more = portion.through < head.seq;
    const frame = encodeReplay({ channel, epoch: head.epoch, ...portion, more });
    const outcome = await withRetry(app, connection, () => post(app, connection, frame));
    if (outcome !== 'sent') return await stop(app, connection, outcome);

    frames += 1;
    logReplayed(app, connection, channel, portion, more);
    const windowIsFull = frames % REPLAY_WINDOW_FRAMES === 0;
    if (connection.ackMode === 'auto' && (windowIsFull || !more)) {
      await settle(app, connection, channel, { epoch: head.epoch, seq: portion.through }, after);
    }
    if (windowIsFull && more && !(await mayGoOn(app, connection, portion.through, deadlineAt))) return;
  }
}

/** `catchUpMs`: of a connection's first replay, if it needed no `sync` to go on. */
function logReplayed(
  { logger, clock }: App,
  connection: Connection,
  channel: string,
  { messages, expired, after, through }: ReplayChunk,
  more: boolean,
): void {
  const caughtUp = !more && connection.readyAt === undefined;
  logger.metrics(
    {
      replayed: messages.length,
      expired,
      ...(caughtUp && { catchUpMs: clock.now() - connection.connectedAt }),
    },
    'replayed',
    { ...logged(connection), deviceId: connection.deviceId, channel, after, through },
  );
}

/** The replay frames' contents, read page by page as they are taken; at least one. */
async function* missed(
  app: App,
  { deviceId }: Connection,
  channel: string,
  head: Head,
  after: number,
): AsyncGenerator<ReplayChunk> {
  let settled = Math.min(after, head.seq);
  do {
    const page = await readLog(app, channel, settled, head);
    if (page.through === settled && settled < head.seq) {
      throw new Undeliverable(`${channel}: seq ${settled + 1} is still being appended`);
    }
    yield* pack({ channel, epoch: head.epoch }, { ...page, after: settled }, deviceId);
    settled = page.through;
  } while (settled < head.seq);
}

/** An accepted replay from `from` on has settled everything up to its `through`, and nothing if the cursor is not there yet. */
async function settle(app: App, { userId, deviceId }: Connection, channel: string, to: Cursor, from: number) {
  if (deviceId === undefined) return;
  await app.devices.advance({ userId, deviceId }, channel, to, lastSeen(app), from);
  app.logger.info('acked', { userId, deviceId, channel, through: to.seq });
}

async function mayGoOn(
  app: App,
  connection: Connection,
  through: number,
  deadlineAt: number,
): Promise<boolean> {
  if (connection.ackMode === 'client') return false;
  if (app.clock.now() >= deadlineAt) {
    await app.connections.requestReconcile(connection, app.ids.next(), through);
    return false;
  }
  const current = await app.connections.find(connection);
  return current !== undefined && current.bye === undefined;
}

async function stop(app: App, connection: Connection, outcome: PostOutcome | 'expired'): Promise<void> {
  if (outcome === 'expired') return await expire(app, connection);
  if (outcome === 'gone') return await forgetGone(app, connection);
  throw new Undeliverable(`${connection.connectionId}: replay: ${outcome}`);
}

const expire = (app: App, connection: Connection): Promise<void> =>
  closeConnection(app, connection, 'token_expired');
