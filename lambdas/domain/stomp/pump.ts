/**
 * Sends a STOMP connection what is new to it: in order, each seq once to each subscription. One
 * pump at a time has the connection. Whoever has news says so on its row, and the stream starts a
 * pump; the pump at work does not end before it has sent that, too.
 */
import { parseChannel } from '../../protocol/channel.ts';
import { socketName } from '../../protocol/socket-names.ts';
import type { App } from '../app.ts';
import { markForClose } from '../connection/close.ts';
import { isExpired } from '../connection/send.ts';
import { logged } from '../log-fields.ts';
import { type Channel, type Connection, userChannel } from '../model.ts';
import type { ReconcileRequest } from '../ports/later.ts';
import type { PumpApp } from './app.ts';
import { LEASE_MS, lastPostAt, leaseOf } from './lease.ts';
import { heardIn, sendChannel } from './send-channel.ts';
import type { Socket } from './sockets.ts';
import type { Pumped, Run } from './texts.ts';

/** While a client takes no frames: it is tried again for so long, at these intervals. */
const PATIENCE_MS = 60_000;
const REFUSED_DELAY_SECONDS = 2;

/** How soon the log is read again where an append is under way. */
const APPENDING_DELAY_SECONDS = 1;

/** Past `deadlineAt` it begins no post any more, and asks to be run again. */
export async function pump(app: PumpApp, connectionId: string, deadlineAt: number): Promise<void> {
  const lease = leaseOf(app, app.ids.next());
  const begun = await app.sockets.beginPump(connectionId, lease);
  if (begun.outcome === 'gone') return;
  // Should the other one have died, nobody else would come back for what is new.
  if (begun.outcome === 'busy') return await pumpLater(app, connectionId, LEASE_MS / 1000 + 1);
  const connection = await app.connections.find({ userId: begun.socket.userId, connectionId });
  if (connection === undefined) return await app.sockets.remove(connectionId);
  if (connection.bye) return;
  // Nobody knows what the one that died has sent: in a new connection, each comes once again.
  if (begun.isOrphaned) return await markForClose(app, connection, 'not_reading');
  if (isExpired(app, connection)) return await markForClose(app, connection, 'token_expired');
  await pumpUntilDone(app, connection, begun.socket, { ...lease, deadlineAt });
}

async function pumpUntilDone(
  app: PumpApp,
  connection: Connection,
  first: Socket,
  { holder, deadlineAt, ...begun }: ReturnType<typeof leaseOf> & { deadlineAt: number },
): Promise<void> {
  const { connectionId } = connection;
  let lease = { holder, ...begun };
  let socket: Socket | undefined = first;
  while (socket) {
    const run: Run = { connection, socket, stopAt: lastPostAt(lease, deadlineAt), sent: new Map() };
    const pumped = await sendNews(app, run, connection);
    if (pumped === 'closed') return;
    const refusedAt = pumped === 'refused' ? (socket.refusedAt ?? app.clock.now()) : undefined;
    const end = { holder, sent: run.sent, refusedAt };
    if (pumped !== 'done') {
      await app.sockets.endPump(connectionId, { ...end, announced: undefined });
      return await goOnLater(app, connection, pumped, refusedAt);
    }
    if (await app.sockets.endPump(connectionId, { ...end, announced: socket.announced })) return;
    lease = leaseOf(app, holder);
    socket = await app.sockets.renewPump(connectionId, lease, { ...end, announced: undefined });
  }
}

async function goOnLater(
  app: PumpApp,
  connection: Connection,
  pumped: Exclude<Pumped, 'done' | 'closed'>,
  refusedAt: number | undefined,
): Promise<void> {
  const { connectionId } = connection;
  if (refusedAt !== undefined && app.clock.now() - refusedAt >= PATIENCE_MS) {
    app.logger.metrics({ notReading: 1 }, 'not reading', logged(connection));
    return await markForClose(app, connection, 'not_reading');
  }
  if (pumped === 'late') return await pumpLater(app, connectionId, 0);
  const delay = pumped === 'refused' ? REFUSED_DELAY_SECONDS : APPENDING_DELAY_SECONDS;
  await pumpLater(app, connectionId, delay);
}

const pumpLater = (app: App, connectionId: string, delaySeconds: number): Promise<void> =>
  app.later.reconcile(pumpRequest(connectionId), delaySeconds);

const pumpRequest = (connectionId: string): ReconcileRequest => {
  const userId = socketName(connectionId);
  return { channel: userChannel(userId), userId, connectionId, after: undefined };
};

async function sendNews(app: PumpApp, run: Run, { channels }: Connection): Promise<Pumped> {
  const { socket } = run;
  for (const name of socket.news) {
    const channel = channelOf(socket, name);
    // It was taken from the user since.
    if (channel === undefined || (channel.kind !== 'user' && !channels.has(name))) continue;
    const heard = heardIn(run, name);
    const pumped = heard.length === 0 ? 'done' : await sendChannel(app, run, channel, heard);
    if (pumped !== 'done') return pumped;
  }
  return 'done';
}

/** A user's id may be anything, so the name of its channel is no text to parse. */
const channelOf = ({ userId }: Socket, name: string): Channel | undefined => {
  const own = userChannel(userId);
  return name === own.name ? own : parseChannel(name);
};
