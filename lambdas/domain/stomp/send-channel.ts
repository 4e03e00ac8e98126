/** Sends what a channel has for a STOMP connection's subscriptions: in order, each seq once. */
import type { StompMessage } from '../../protocol/stomp.ts';
import { advanceOverReplay, cursorOf } from '../cursor.ts';
import type { Channel, Head, Message, Stored } from '../model.ts';
import { keptFor } from '../session/kept.ts';
import type { PumpApp } from './app.ts';
import { messageIdOf } from './message-id.ts';
import type { StompSubscription } from './sockets.ts';
import { createTexts, type Hearer, type Pumped, type Run } from './texts.ts';

/** Messages that a client may leave unacknowledged before the server waits for it. */
export const WINDOW = 1000;

/** The subscriptions to one channel, by the ids that their client gave. */
export type Heard = [id: string, subscription: StompSubscription][];

export const heardIn = ({ socket }: Run, channel: string): Heard =>
  [...socket.subscriptions].filter(([, subscription]) => subscription.channel === channel);

/** A channel's log in one epoch. */
interface Log {
  channel: Channel;
  epoch: string;
}

/** Everything up to the head, as the log has it. */
export async function sendChannel(app: PumpApp, run: Run, channel: Channel, heard: Heard): Promise<Pumped> {
  const head = await app.log.open(channel, run.connection);
  const log = { channel, epoch: head.epoch };
  return await sendTo(app, run, log, heard, (hearers) => sendLog(app, run, channel, head, hearers));
}

/** One message, which is the next of each. */
export async function sendNext(
  app: PumpApp,
  run: Run,
  { channel, epoch, message }: Stored,
  heard: Heard,
): Promise<Pumped> {
  const log = { channel, epoch };
  const page = { after: message.seq - 1, through: message.seq, messages: [message] };
  return await sendTo(app, run, log, heard, (hearers) => sendPage(app, run, log, hearers, page));
}

/** Notes how far each has come, also where not all was sent. */
async function sendTo(
  app: PumpApp,
  run: Run,
  log: Log,
  heard: Heard,
  sendAll: (hearers: Hearer[]) => Promise<Pumped>,
): Promise<Pumped> {
  const hearers: Hearer[] = [];
  for (const [id, subscription] of heard) {
    const from = subscription.sent.epoch === log.epoch ? subscription.sent.seq : 0;
    const room = await roomOf(app, run, log, { subscription, from });
    hearers.push({ id, subscription, from, at: from, expired: 0, room });
  }
  const pumped = await sendAll(hearers);
  for (const { subscription, at, from, room } of hearers) {
    if (at > from || room <= 0)
      run.sent.set(subscription.key, { epoch: log.epoch, seq: at, ...(room <= 0 && { isStalled: true }) });
  }
  await settle(app, run, log, hearers);
  return pumped;
}

/** The cursor moves over what was sent to subscriptions whose client does not acknowledge. */
async function settle(
  app: PumpApp,
  { connection }: Run,
  { channel, epoch }: Log,
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
  { channel, epoch }: Log,
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
    const log = { channel, epoch: head.epoch };
    const pumped = await sendPage(app, run, log, behind, { after, ...page });
    if (pumped !== 'done') return pumped;
  }
  return 'done';
}

/** What is kept of the seqs `after` < seq <= `through`. */
interface Page {
  after: number;
  through: number;
  messages: Message[];
}

async function sendPage(
  app: PumpApp,
  run: Run,
  log: Log,
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
      const pumped = told ? await texts.add({ hearer, message: toldTo(hearer, log, told) }) : 'done';
      if (pumped !== 'done') return pumped;
      if (told === undefined && !texts.holds(hearer)) hearer.at = seq;
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
  { epoch }: Log,
  message: StompMessage['message'],
): StompMessage => ({
  subscription: id,
  destination: subscription.destination,
  messageId: messageIdOf({ epoch, seq: message.seq }),
  asksForAck: subscription.ack !== 'auto',
  message,
  replayed: message.seq <= subscription.replayThrough,
  expired,
});
