/** A STOMP client acknowledges messages: all up to one, or each by itself. */
import { FrameError } from '../../protocol/errors.ts';
import { ack } from '../session/commands.ts';
import type { PumpApp } from './app.ts';
import { messageIn } from './message-id.ts';
import { WINDOW } from './send-channel.ts';
import type { Socket, StompSubscription } from './sockets.ts';

/**
 * Ignores what is not known, or passed already: brokers do, and an `ERROR` would close the
 * connection.
 */
export async function acknowledge(app: PumpApp, socket: Socket, id: string | undefined): Promise<void> {
  const message = messageIn(id);
  if (message === undefined || socket.deviceId === undefined) return;
  const { epoch, seq } = message;
  for (const subscription of socket.subscriptions.values()) {
    if (subscription.ack === 'auto' || subscription.sent.epoch !== epoch) continue;
    const { channel } = subscription;
    const { through, left } = await settled(app, socket, subscription, seq);
    await advance(app, socket, { channel, epoch, seq: through });
    // There is room again for what was held back.
    if (subscription.sent.isStalled && left <= WINDOW / 2)
      await app.subscriptions.announce(socket.connectionId, channel, app.ids.next());
  }
}

/** Through where all is acknowledged now, and how much of what was sent is not. */
async function settled(
  app: PumpApp,
  { connectionId }: Socket,
  { ack: mode, key, sent }: StompSubscription,
  seq: number,
): Promise<{ through: number; left: number }> {
  if (mode === 'client') return { through: seq, left: sent.seq - seq };
  const unacked = await app.sockets.removeUnacked(connectionId, key, seq);
  const through = unacked.size === 0 ? Math.max(sent.seq, seq) : Math.min(...unacked) - 1;
  return { through, left: unacked.size };
}

async function advance(
  app: PumpApp,
  { userId, deviceId, connectionId }: Socket,
  through: { channel: string; epoch: string; seq: number },
): Promise<void> {
  try {
    await ack(app, { userId, deviceId, connectionId }, [through]);
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
  }
}
