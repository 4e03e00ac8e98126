/** Posts a committed message to every connection of its user but the origin device's. */
import { messageFrame, type OutgoingFrame } from '../../protocol/frames.ts';
import type { App } from '../app.ts';
import { ahead, mapAsTheyCome } from '../concurrency.ts';
import { markForClose } from '../connection/close.ts';
import { passBy, pause } from '../connection/pause.ts';
import { forgetGone, sendWithRetry } from '../connection/send.ts';
import { advanceOntoMessage } from '../cursor.ts';
import { asError } from '../errors.ts';
import { logged } from '../log-fields.ts';
import type { Channel, Connection, Stored } from '../model.ts';

/**
 * Posts at once for one message to one user: as many as our HTTP client keeps connections to API
 * Gateway.
 */
const CONCURRENT_POSTS = 64;

/**
 * Few users have more connections than this. A smaller page would cost a user with many connections
 * a second look-up.
 */
const LOOKED_UP_AT_ONCE = 128;

/**
 * What became of a message on one connection. `excluded`: it is the origin device's. `deferred`: a
 * replay will bring the message, because the connection is not ready yet or takes no frames for
 * now.
 */
type Delivery = 'sent' | 'excluded' | 'gone' | 'deferred';

/** How many connections the user has, and what became of the message on each. */
export type Deliveries = Record<Delivery | 'connections', number>;

/** A message on its way to whoever hears its channel. */
interface LiveMessage extends Stored {
  /** The same value for all connections, so that the frame is encoded once. */
  frame: OutgoingFrame;
  /** When its publisher asked. */
  publishedAt: number;
}

/**
 * Posts the message to all connections. Rejects only when the connections, or the rest of them,
 * cannot be looked up: what fails on one connection stays with that connection. `publishedAt`: when
 * the publisher asked.
 */
export async function deliver(app: App, stored: Stored, publishedAt: number): Promise<Deliveries> {
  const { channel, message } = stored;
  const live: LiveMessage = { ...stored, frame: messageFrame(channel.name, message), publishedAt };
  const outcomes = await mapAsTheyCome(audience(app, channel), CONCURRENT_POSTS, async (connection) => {
    try {
      const delivery = await deliverTo(app, connection, live);
      if (delivery !== 'sent') logDelivery(app, connection, live, delivery);
      return delivery;
    } catch (error) {
      app.logger.error('delivery failed', { ...logged(connection), seq: message.seq, error: asError(error) });
      await askForReplay(app, connection, live);
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

/**
 * The connections that hear a channel, except those being closed. Looks up the next page while the
 * page before is posted to.
 */
async function* audience({ connections }: App, { owner }: Channel): AsyncGenerator<Connection, void> {
  for await (const page of ahead(connections.pages(owner, LOOKED_UP_AT_ONCE)))
    yield* page.filter(({ bye }) => bye === undefined);
}

async function deliverTo(app: App, connection: Connection, live: LiveMessage): Promise<Delivery> {
  const { originDeviceId } = live.message;
  if (originDeviceId !== undefined && connection.deviceId === originDeviceId) return 'excluded';
  if (connection.paused) await passBy(app, connection, live.message.seq);
  if (connection.paused || connection.readyAt === undefined) return 'deferred';
  switch (await sendWithRetry(app, connection, live.frame)) {
    case 'sent':
      logDelivery(app, connection, live, 'sent', { postMs: app.clock.now() - live.publishedAt });
      if (connection.ackMode === 'auto') await settle(app, connection, live);
      return 'sent';
    case 'gone':
      await forgetGone(app, connection);
      return 'gone';
    case 'expired':
      await markForClose(app, connection, 'token_expired');
      return 'gone';
    default:
      await pause(app, connection, live.message.seq - 1);
      return 'deferred';
  }
}

/**
 * After a fault of the stores: the message is in the log, and the device's cursor stands before it,
 * so a replay makes it good. If the stores do not take the request for one either, the next message
 * finds the cursor behind and asks again. Never rejects.
 */
async function askForReplay(app: App, connection: Connection, { message: { seq } }: Stored): Promise<void> {
  try {
    // An anonymous device has no cursor: its replay must begin before this message.
    const after = connection.deviceId === undefined ? seq - 1 : undefined;
    await app.connections.requestReconcile(connection, app.ids.next(), after);
  } catch (error) {
    app.logger.error('replay not requested', { ...logged(connection), seq, error: asError(error) });
  }
}

/**
 * One line for each connection, so that an operator can follow a message by its channel and seq.
 */
function logDelivery(
  { logger }: App,
  connection: Connection,
  { channel, message: { seq, id } }: Stored,
  delivery: Delivery,
  measured?: { postMs: number },
): void {
  const { deviceId, ackMode } = connection;
  const fields = { ...logged(connection), deviceId, channel: channel.name, seq, id, delivery, ackMode };
  if (measured) logger.metrics(measured, 'delivered', fields);
  else logger.info('not delivered', fields);
}

/** Acknowledges on behalf of an `auto` device. */
async function settle(app: App, connection: Connection, stored: Stored): Promise<void> {
  const { userId, deviceId } = connection;
  if (deviceId === undefined) return;
  const settled = await advanceOntoMessage(app, { userId, deviceId }, stored);
  if (!settled) await app.connections.requestReconcile(connection, app.ids.next());
}
