/** Sends a device what it missed of a channel, in order, in windows a phone can take. */
import type { JsonText, ReplayFrame } from '../../protocol/frames.ts';
import { REPLAY_WINDOW_FRAMES } from '../../protocol/limits.ts';
import type { App } from '../app.ts';
import { closeConnection } from '../connection/close.ts';
import { forgetGone, type SendOutcome, send, withRetry } from '../connection/send.ts';
import { advanceOverReplay } from '../cursor.ts';
import { Undeliverable } from '../errors.ts';
import { logged } from '../log-fields.ts';
import type { Connection, Head, Subscription } from '../model.ts';

/**
 * Replays everything after `after`. In ack mode `client` it stops after a window, and the client's
 * `sync` goes on. In mode `auto` an accepted window moves the cursor, and it goes on by itself.
 */
export async function replay(
  app: App,
  subscription: Subscription,
  after: number,
  deadlineAt: number,
): Promise<void> {
  const { connection, channel } = subscription;
  const head = await app.log.open(channel);
  let frames = 0;
  for await (const frame of missed(app, subscription, head, after)) {
    const outcome = await withRetry(app, connection, () => send(app, connection, frame));
    if (outcome !== 'sent') return await stop(app, connection, outcome);

    frames += 1;
    logReplayed(app, connection, frame);
    const { through, more } = frame;
    const windowIsFull = frames % REPLAY_WINDOW_FRAMES === 0;
    if (connection.ackMode === 'auto' && (windowIsFull || !more)) {
      await advanceOverReplay(app, subscription, { epoch: head.epoch, seq: through }, after);
    }
    if (windowIsFull && more && !(await mayGoOn(app, connection, through, deadlineAt))) return;
  }
}

/** `catchUpMs`: of a connection's first replay, if it needed no `sync` to go on. */
function logReplayed(
  { logger, clock }: App,
  connection: Connection,
  { channel, messages, expired, after, through, more }: ReplayFrame<JsonText>,
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

/** The replay frames, read page by page as they are taken; at least one. */
async function* missed(
  app: App,
  { connection: { deviceId, dialect }, channel }: Subscription,
  head: Head,
  after: number,
): AsyncGenerator<ReplayFrame<JsonText>> {
  const { name } = channel;
  let settled = Math.min(after, head.seq);
  do {
    const page = await app.log.read(channel, settled, head);
    if (page.through === settled && settled < head.seq) {
      throw new Undeliverable(`${name}: seq ${settled + 1} is still being appended`);
    }
    const range = { ...page, channel: name, epoch: head.epoch, head: head.seq, after: settled, deviceId };
    yield* app.cutReplay(dialect, range);
    settled = page.through;
  } while (settled < head.seq);
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

async function stop(app: App, connection: Connection, outcome: SendOutcome): Promise<void> {
  if (outcome === 'expired') return await closeConnection(app, connection, 'token_expired');
  if (outcome === 'gone') return await forgetGone(app, connection);
  throw new Undeliverable(`${connection.connectionId}: replay: ${outcome}`);
}
