/**
 * A publisher sends a STOMP connection its message itself where the message is the next one: two
 * writes, and no way over the stream. All else is the pump's.
 */
import type { Stored, Subscription } from '../model.ts';
import type { PumpApp } from './app.ts';
import { lastPostAt, leaseOf } from './lease.ts';
import { type Heard, heardIn, sendNext } from './send-channel.ts';
import type { EndedPump, Socket } from './sockets.ts';
import type { Run } from './texts.ts';

/** Undefined: it was not sent, and has to be announced. Rejects for faults of the stores. */
export async function deliverNext(
  app: PumpApp,
  subscription: Subscription,
  stored: Stored,
): Promise<'sent' | 'gone' | 'excluded' | undefined> {
  const { connectionId } = subscription;
  const lease = leaseOf(app, app.ids.next());
  const socket = await app.sockets.takePump(connectionId, lease);
  if (socket === undefined) return undefined;
  const run: Run = { connection: subscription, socket, stopAt: lastPostAt(lease), sent: new Map() };
  const heard = heardIn(run, stored.channel.name);
  const pumped = isNext(socket, heard, stored) ? await sendNext(app, run, stored, heard) : 'late';
  if (pumped === 'closed') return 'gone';
  const end = { holder: lease.holder, sent: run.sent, refusedAt: socket.refusedAt };
  const isSent = pumped === 'done';
  await giveBack(app, socket, { ...end, announced: isSent ? socket.announced : undefined });
  if (!isSent) return undefined;
  return heard.length > 0 ? 'sent' : 'excluded';
}

/** Nothing else waits to be sent, and of this channel everything before was. */
const isNext = ({ news }: Socket, heard: Heard, { epoch, message: { seq } }: Stored): boolean =>
  news.size === 0 &&
  heard.every(([, { sent }]) => sent.epoch === epoch && sent.seq === seq - 1 && !sent.isStalled);

/** What was announced meanwhile found us at work: the stream has to start a pump for it. */
async function giveBack(app: PumpApp, { connectionId }: Socket, end: EndedPump): Promise<void> {
  if (await app.sockets.endPump(connectionId, end)) return;
  await app.sockets.endPump(connectionId, { ...end, announced: undefined, requestId: app.ids.next() });
}
