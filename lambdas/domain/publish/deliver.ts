/** Posts a committed message to every connection of its user but the origin device's. */
import { encodeMessage } from '../../protocol/frames.ts';
import type { App } from '../app.ts';
import { ahead, backOff, mapAsTheyCome } from '../concurrency.ts';
import { logged, markForClose } from '../connection/close.ts';
import { forgetGone, post } from '../connection/send.ts';
import { lastSeen } from '../cursor.ts';
import type { Connection, Cursor, Message } from '../ports.ts';

/** To one user. The client of the gateway keeps as many connections; what exceeds them waits for one. */
const CONCURRENT_POSTS = 64;

/** Few users have more connections; with a smaller page, the others would need a second look-up. */
const LOOKED_UP_AT_ONCE = 128;

/** Publishers of one user that may be at work at once: a cursor further behind than this waits for a replay, not for them. */
const CONCURRENT_PUBLISHES = 64;
const SETTLE_TRIES = 5;
const SETTLE_BASE_MS = 25;
const SETTLE_CAP_MS = 400;

/**
 * What became of a message on one connection. `excluded`: it is the origin device's. `deferred`: its replay will bring
 * the message, because it is not ready yet or did not take the frame.
 */
type Delivery = 'sent' | 'excluded' | 'gone' | 'deferred';

/** How many connections the user has, and what became of the message on each. */
export type Deliveries = Record<Delivery | 'connections', number>;

/**
 * `publishedAt`: when its publisher asked. Rejects only when the connections, or the rest of them, cannot be looked up: what
 * goes wrong on one of them stays there.
 */
export async function deliver(
  app: App,
  userId: string,
  channel: string,
  epoch: string,
  message: Message,
  publishedAt: number,
): Promise<Deliveries> {
  const frame = encodeMessage(channel, message);
  const live = { channel, position: { epoch, seq: message.seq }, message, frame, publishedAt };
  const outcomes = await mapAsTheyCome(openOf(app, userId), CONCURRENT_POSTS, async (connection) => {
    try {
      const delivery = await deliverTo(app, connection, live);
      if (delivery !== 'sent') note(app, connection, live, delivery);
      return delivery;
    } catch (error) {
      // The message is in the log and the device's cursor before it: its next replay brings it.
      app.logger.error('delivery failed', { ...logged(connection), seq: message.seq, error: asError(error) });
      return 'deferred';
    }
  });
  const count = (delivery: Delivery) => outcomes.filter((outcome) => outcome === delivery).length;
  return {
    connections: outcomes.length,
    sent: count('sent'),
    excluded: count('excluded'),
    gone: count('gone'),
    deferred: count('deferred'),
  };
}

/** A user's connections that are not being closed. With many the first are posted to while the others are looked up. */
async function* openOf({ connections }: App, userId: string): AsyncGenerator<Connection, void> {
  for await (const page of ahead(connections.pages(userId, LOOKED_UP_AT_ONCE)))
    yield* page.filter(({ bye }) => bye === undefined);
}

interface Live {
  channel: string;
  position: Cursor;
  message: Message;
  frame: string;
  publishedAt: number;
}

async function deliverTo(app: App, connection: Connection, live: Live): Promise<Delivery> {
  const { channel, position, message, frame, publishedAt } = live;
  const { originDeviceId } = message;
  if (originDeviceId !== undefined && connection.deviceId === originDeviceId) return 'excluded';
  if (connection.readyAt === undefined) return 'deferred';
  switch (await post(app, connection, frame)) {
    case 'sent':
      note(app, connection, live, 'sent', { postMs: app.clock.now() - publishedAt });
      if (connection.ackMode === 'auto') await settle(app, connection, channel, position);
      return 'sent';
    case 'gone':
      await forgetGone(app, connection);
      return 'gone';
    case 'expired':
      await markForClose(app, connection, 'token_expired');
      return 'gone';
    default:
      await askForReplay(app, connection, position);
      return 'deferred';
  }
}

/** One line for each connection: where a message went can be followed by its channel and seq. */
function note(
  { logger }: App,
  connection: Connection,
  { channel, message: { seq, id } }: Live,
  delivery: Delivery,
  measured?: { postMs: number },
): void {
  const { deviceId, ackMode } = connection;
  const fields = { ...logged(connection), deviceId, channel, seq, id, delivery, ackMode };
  if (measured) logger.metrics(measured, 'delivered', fields);
  else logger.info('not delivered', fields);
}

/**
 * Moves an auto-acknowledging device's cursor onto the message it accepted, if that is the next one, so that it cannot jump
 * over a replay under way. When publishers overtake each other it waits a little for the ones before; a cursor
 * that stays behind is mended by a replay.
 */
async function settle(app: App, connection: Connection, channel: string, position: Cursor): Promise<void> {
  const { userId, deviceId } = connection;
  if (deviceId === undefined) return;
  const key = { userId, deviceId };
  for (let attempt = 0; attempt < SETTLE_TRIES; attempt++) {
    if (await app.devices.advance(key, channel, position, lastSeen(app), position.seq - 1)) return;
    const cursor = (await app.devices.find(key))?.cursors.get(channel);
    if (cursor?.epoch !== position.epoch || cursor.seq >= position.seq) return;
    if (position.seq - cursor.seq > CONCURRENT_PUBLISHES) return;
    await backOff(app, attempt, SETTLE_BASE_MS, SETTLE_CAP_MS);
  }
  await askForReplay(app, connection, position);
}

/** An anonymous device has no cursor to replay from: it gets this message and what follows. */
const askForReplay = (app: App, connection: Connection, { seq }: Cursor): Promise<void> =>
  app.connections.requestReconcile(
    connection,
    app.ids.next(),
    connection.deviceId === undefined ? seq - 1 : undefined,
  );

/** The origin device's cursor passes over its own message, if that is the next one; if not, its next replay passes it. */
export async function skipOrigin(
  app: App,
  userId: string,
  channel: string,
  epoch: string,
  { seq, originDeviceId }: Message,
): Promise<void> {
  if (originDeviceId === undefined) return;
  const key = { userId, deviceId: originDeviceId };
  try {
    await app.devices.advance(key, channel, { epoch, seq }, lastSeen(app), seq - 1);
  } catch (error) {
    app.logger.warn('origin not passed', { ...key, seq, error: asError(error) });
  }
}

export const asError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(String(thrown));
