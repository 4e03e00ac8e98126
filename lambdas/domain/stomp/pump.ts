/**
 * Sends a STOMP connection what is new to it: in order, each seq once to each subscription. One
 * pump at a time has the connection. Whoever has news says so on its row, and the stream starts a
 * pump; the pump at work does not end before it has sent that, too.
 */
import { parseChannel } from '../../protocol/channel.ts';
import { messageBytes } from '../../protocol/limits.ts';
import { socketName } from '../../protocol/socket-names.ts';
import type { StompMessage } from '../../protocol/stomp.ts';
import type { App } from '../app.ts';
import { backOff } from '../back-off.ts';
import { markForClose } from '../connection/close.ts';
import { isExpired, type SendOutcome, send } from '../connection/send.ts';
import { advanceOverReplay, cursorOf } from '../cursor.ts';
import { logged } from '../log-fields.ts';
import { type Channel, type Connection, type Head, type Position, userChannel } from '../model.ts';
import type { ReconcileRequest } from '../ports.ts';
import { keptFor } from '../session/kept.ts';
import type { PumpApp } from './app.ts';
import { messageIdOf } from './message-id.ts';
import type { Socket, StompSubscription } from './sockets.ts';

/** If a Lambda dies with the lease, its connection hears nothing for this long. */
const LEASE_MS = 20_000;
/** A post that has begun ends within this time, so none begins when less of the lease is left. */
const POST_MS = 7_000;

/** Messages that a client may leave unacknowledged before the server waits for it. */
export const WINDOW = 1000;

/** While a client takes no frames: it is tried again for so long, at these intervals. */
const PATIENCE_MS = 60_000;
const REFUSED_DELAY_SECONDS = 2;
const IN_PLACE_TRIES = 3;
const RETRY_BASE_MS = 10;
const RETRY_CAP_MS = 50;

/** How soon the log is read again where an append is under way. */
const APPENDING_DELAY_SECONDS = 1;

/**
 * - `done`: everything that was announced is sent.
 * - `late`: our time runs out.
 * - `refused`: the client takes no more for now.
 * - `appending`: an append is under way.
 * - `closed`: nothing may be posted any more.
 */
type Pumped = 'done' | 'late' | 'refused' | 'appending' | 'closed';

interface Run {
  connection: Connection;
  socket: Socket;
  /** No post begins after this instant. */
  stopAt: number;
  /** By the keys of the subscriptions: what this run has sent. */
  sent: Map<string, Position & { isStalled?: boolean }>;
}

/** Past `deadlineAt` it begins no post any more, and asks to be run again. */
export async function pump(app: PumpApp, connectionId: string, deadlineAt: number): Promise<void> {
  const holder = app.ids.next();
  const begun = await app.sockets.beginPump(connectionId, leaseOf(app, holder));
  if (begun.outcome === 'gone') return;
  // Should the other one have died, nobody else would come back for what is new.
  if (begun.outcome === 'busy') return await pumpLater(app, connectionId, LEASE_MS / 1000 + 1);
  const connection = await app.connections.find({ userId: begun.socket.userId, connectionId });
  if (connection === undefined) return await app.sockets.remove(connectionId);
  if (connection.bye) return;
  // Nobody knows what the one that died has sent: in a new connection, each comes once again.
  if (begun.isOrphaned) return await markForClose(app, connection, 'not_reading');
  if (isExpired(app, connection)) return await markForClose(app, connection, 'token_expired');
  await pumpUntilDone(app, { connection, socket: begun.socket, holder, deadlineAt });
}

const leaseOf = ({ clock }: App, holder: string) => {
  const now = clock.now();
  return { holder, now, until: now + LEASE_MS };
};

async function pumpUntilDone(
  app: PumpApp,
  {
    connection,
    socket: first,
    holder,
    deadlineAt,
  }: { connection: Connection; socket: Socket; holder: string; deadlineAt: number },
): Promise<void> {
  const { connectionId } = connection;
  let socket: Socket | undefined = first;
  for (let begunAt = app.clock.now(); socket; begunAt = app.clock.now()) {
    const stopAt = Math.min(deadlineAt, begunAt + LEASE_MS - POST_MS);
    const run: Run = { connection, socket, stopAt, sent: new Map() };
    const pumped = await sendNews(app, run);
    if (pumped === 'closed') return;
    const refusedAt = pumped === 'refused' ? (socket.refusedAt ?? app.clock.now()) : undefined;
    const end = { holder, sent: run.sent, refusedAt };
    if (pumped !== 'done') {
      await app.sockets.endPump(connectionId, { ...end, announced: undefined });
      return await goOnLater(app, connection, pumped, refusedAt);
    }
    if (await app.sockets.endPump(connectionId, { ...end, announced: socket.announced })) return;
    socket = await app.sockets.renewPump(connectionId, leaseOf(app, holder), {
      ...end,
      announced: undefined,
    });
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

async function sendNews(app: PumpApp, run: Run): Promise<Pumped> {
  const { socket, connection } = run;
  for (const name of socket.news) {
    const channel =
      name === userChannel(socket.userId).name ? userChannel(socket.userId) : parseChannel(name);
    if (channel === undefined) continue;
    // It was taken from the user since.
    if (channel.kind !== 'user' && !connection.channels.has(name)) continue;
    const heard = [...socket.subscriptions].filter(([, subscription]) => subscription.channel === name);
    if (heard.length === 0) continue;
    const pumped = await sendChannel(app, run, channel, heard);
    if (pumped !== 'done') return pumped;
  }
  return 'done';
}

/** One subscription, and how far this run has brought it. */
interface Hearer {
  id: string;
  subscription: StompSubscription;
  from: number;
  at: number;
  /** Seqs since the last message it was sent that retention has removed. */
  expired: number;
  /** How many more it takes before it acknowledges some. */
  room: number;
}

async function sendChannel(
  app: PumpApp,
  run: Run,
  channel: Channel,
  heard: [string, StompSubscription][],
): Promise<Pumped> {
  const head = await app.log.open(channel);
  const hearers: Hearer[] = [];
  for (const [id, subscription] of heard) {
    const from = subscription.sent.epoch === head.epoch ? subscription.sent.seq : 0;
    const room = await roomOf(app, run, channel, head, { subscription, from });
    hearers.push({ id, subscription, from, at: from, expired: 0, room });
  }
  const pumped = await sendLog(app, run, channel, head, hearers);
  for (const { subscription, at, from, room } of hearers) {
    if (at > from || room <= 0)
      run.sent.set(subscription.key, { epoch: head.epoch, seq: at, ...(room <= 0 && { isStalled: true }) });
  }
  await settle(app, run, channel, head, hearers);
  return pumped;
}

/** The cursor moves over what was sent to subscriptions whose client does not acknowledge. */
async function settle(
  app: PumpApp,
  { connection }: Run,
  channel: Channel,
  { epoch }: Head,
  hearers: Hearer[],
): Promise<void> {
  const auto = hearers.filter(({ subscription }) => subscription.ack === 'auto');
  const through = Math.min(...auto.map(({ at }) => at));
  const from = Math.min(...auto.map((hearer) => hearer.from));
  if (auto.length === 0 || through <= from) return;
  await advanceOverReplay(app, { ...connection, channel, permitted: true }, { epoch, seq: through }, from);
}

async function roomOf(
  app: PumpApp,
  { connection: { userId, deviceId } }: Run,
  channel: Channel,
  { epoch }: Head,
  { subscription, from }: Pick<Hearer, 'subscription' | 'from'>,
): Promise<number> {
  if (subscription.ack === 'auto' || deviceId === undefined) return Number.POSITIVE_INFINITY;
  if (subscription.ack === 'client-individual') return WINDOW - subscription.unacked.size;
  const cursor = await cursorOf(app, { userId, deviceId }, channel);
  return WINDOW - (cursor?.epoch === epoch ? from - cursor.seq : 0);
}

async function sendLog(
  app: PumpApp,
  run: Run,
  channel: Channel,
  head: Head,
  hearers: Hearer[],
): Promise<Pumped> {
  const open = () => hearers.filter(({ at, room }) => at < head.seq && room > 0);
  for (let behind = open(); behind.length > 0; behind = open()) {
    const after = Math.min(...behind.map(({ at }) => at));
    const page = await app.log.read(channel, after, head);
    if (page.through === after) return 'appending';
    const pumped = await sendPage(app, run, channel, head, behind, { after, ...page });
    if (pumped !== 'done') return pumped;
  }
  return 'done';
}

interface Page {
  after: number;
  through: number;
  messages: Parameters<typeof keptFor>[0];
}

async function sendPage(
  app: PumpApp,
  run: Run,
  channel: Channel,
  { epoch }: Head,
  hearers: Hearer[],
  { after, through, messages }: Page,
): Promise<Pumped> {
  const texts = createTexts(app, run);
  let previous = after;
  for (const { seq, told } of keptFor(messages, run.connection)) {
    const hole = seq - previous - 1;
    previous = seq;
    for (const hearer of hearers.filter(({ at, room }) => at < seq && room > 0)) {
      hearer.expired += hole;
      const add = told && { hearer, message: toldTo(hearer, channel, epoch, told) };
      const pumped = add ? await texts.add(add) : 'done';
      if (pumped !== 'done') return pumped;
      if (add === undefined && !texts.holds(hearer)) hearer.at = seq;
    }
  }
  const flushed = await texts.flush();
  if (flushed !== 'done') return flushed;
  for (const hearer of hearers.filter(({ at, room }) => at < through && room > 0)) {
    hearer.expired += through - previous;
    hearer.at = through;
  }
  return 'done';
}

const toldTo = (
  { id, subscription, expired }: Hearer,
  channel: Channel,
  epoch: string,
  message: StompMessage['message'],
): StompMessage => ({
  subscription: id,
  destination: subscription.destination,
  messageId: messageIdOf(channel, { epoch, seq: message.seq }),
  asksForAck: subscription.ack !== 'auto',
  message,
  replayed: message.seq <= subscription.replayThrough,
  expired,
});

interface Addressed {
  hearer: Hearer;
  message: StompMessage;
}

/** What the headers of a frame may take besides what the client chose itself. */
const HEAD_BYTES = 800;

const bytesOf = ({ message, destination, subscription }: StompMessage): number =>
  messageBytes(message) + HEAD_BYTES + 2 * (destination.length + subscription.length);

/** Puts replayed messages into one text where the client reads several frames of one. */
function createTexts(app: PumpApp, run: Run) {
  let waiting: Addressed[] = [];
  let bytes = 0;
  const flush = async (): Promise<Pumped> => {
    const messages = waiting;
    waiting = [];
    bytes = 0;
    return messages.length === 0 ? 'done' : await postText(app, run, messages);
  };
  return {
    flush,
    holds: (hearer: Hearer): boolean => waiting.some((one) => one.hearer === hearer),
    async add(one: Addressed): Promise<Pumped> {
      const size = bytesOf(one.message);
      const isFull = waiting.length > 0 && (bytes + size > run.socket.batchBytes || !one.message.replayed);
      const flushed = isFull ? await flush() : 'done';
      if (flushed !== 'done') return flushed;
      waiting.push(one);
      bytes += size;
      one.hearer.room -= 1;
      one.hearer.expired = 0;
      return one.message.replayed && bytes < run.socket.batchBytes ? 'done' : await flush();
    },
  };
}

async function postText(app: PumpApp, run: Run, text: Addressed[]): Promise<Pumped> {
  const { connection } = run;
  for (const { hearer, message } of text) {
    if (hearer.subscription.ack !== 'client-individual') continue;
    await app.sockets.addUnacked(connection.connectionId, hearer.subscription.key, [message.message.seq]);
  }
  for (let attempt = 0; ; attempt++) {
    if (app.clock.now() >= run.stopAt) return 'late';
    const outcome = await send(app, connection, {
      event: 'stomp.messages',
      messages: text.map(({ message }) => message),
    });
    if (outcome === 'sent') return accepted(app, run, text);
    if (outcome !== 'throttled') return await closeAfter(app, connection, outcome);
    if (attempt + 1 >= IN_PLACE_TRIES) return 'refused';
    await backOff(app, attempt, RETRY_BASE_MS, RETRY_CAP_MS);
  }
}

function accepted(app: PumpApp, { connection }: Run, text: Addressed[]): Pumped {
  for (const { hearer, message } of text) hearer.at = message.message.seq;
  const [first] = text;
  app.logger.metrics({ stompSent: text.length }, 'delivered', {
    ...logged(connection),
    channel: first?.hearer.subscription.channel,
    through: text.at(-1)?.message.message.seq,
  });
  return 'done';
}

/**
 * A post that failed may have arrived: only a new connection can have each message once and in
 * order.
 */
async function closeAfter(
  app: PumpApp,
  connection: Connection,
  outcome: Exclude<SendOutcome, 'sent' | 'throttled'>,
): Promise<Pumped> {
  if (outcome === 'gone') {
    await app.connections.remove(connection);
    await app.sockets.remove(connection.connectionId);
  } else {
    await markForClose(app, connection, outcome === 'expired' ? 'token_expired' : 'not_reading');
  }
  return 'closed';
}
