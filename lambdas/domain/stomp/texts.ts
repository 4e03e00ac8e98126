/** Posts messages to a STOMP connection: as texts, one after the other, none of them twice. */
import { messageBytes, utf8Bytes } from '../../protocol/limits.ts';
import { MESSAGE_HEAD_BYTES, type StompMessage, versionOf } from '../../protocol/stomp.ts';
import { markForClose } from '../connection/close.ts';
import { type SendOutcome, sendWithRetry } from '../connection/send.ts';
import { logged } from '../log-fields.ts';
import type { Connection } from '../model.ts';
import type { PumpApp } from './app.ts';
import type { SentThrough, Socket, StompSubscription } from './sockets.ts';

/**
 * - `done`: everything that was announced is sent.
 * - `late`: our time runs out.
 * - `refused`: the client takes no more for now.
 * - `appending`: an append is under way.
 * - `closed`: nothing may be posted any more.
 */
export type Pumped = 'done' | 'late' | 'refused' | 'appending' | 'closed';

/** A pump at work, until it gives its lease back or goes on with it. */
export interface Run {
  connection: Omit<Connection, 'channels' | 'handover'>;
  socket: Socket;
  /** No post begins after this instant. */
  stopAt: number;
  /** By the keys of the subscriptions: what this run has sent. */
  sent: Map<string, SentThrough>;
}

/** One subscription, and how far a run has brought it. */
export interface Hearer {
  id: string;
  subscription: StompSubscription;
  from: number;
  at: number;
  /** Seqs since the last message it was sent that retention has removed. */
  expired: number;
  /** How many more it takes before it acknowledges some. */
  room: number;
}

export interface Addressed {
  hearer: Hearer;
  message: StompMessage;
}

/** At most: an escape takes two bytes. */
const bytesOf = ({ message, destination, subscription }: StompMessage): number =>
  messageBytes(message) + MESSAGE_HEAD_BYTES + 2 * utf8Bytes(destination + subscription);

/**
 * Only what is replayed. stompjs 2.3.3, which speaks no more than 1.1, acknowledges the last
 * message of a text, whichever of them its page does.
 */
const sharesText = ({ socket }: Run, { replayed, asksForAck }: StompMessage): boolean =>
  replayed && (!asksForAck || versionOf(socket.dialect) === '1.2');

/** Puts replayed messages into one text where the client reads several frames of one. */
export function createTexts(app: PumpApp, run: Run) {
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
      const shares = sharesText(run, one.message);
      const isFull = waiting.length > 0 && (bytes + size > run.socket.batchBytes || !shares);
      const flushed = isFull ? await flush() : 'done';
      if (flushed !== 'done') return flushed;
      waiting.push(one);
      bytes += size;
      one.hearer.room -= 1;
      one.hearer.expired = 0;
      return shares && bytes < run.socket.batchBytes ? 'done' : await flush();
    },
  };
}

/** A post that failed may have arrived: it is not repeated. */
const REFUSED: readonly SendOutcome[] = ['throttled'];

async function postText(app: PumpApp, run: Run, text: Addressed[]): Promise<Pumped> {
  const { connection, stopAt } = run;
  for (const { hearer, message } of text) {
    if (hearer.subscription.ack !== 'client-individual') continue;
    await app.sockets.addUnacked(connection.connectionId, hearer.subscription.key, [message.message.seq]);
  }
  if (app.clock.now() >= stopAt) return 'late';
  const messages = text.map(({ message }) => message);
  const outcome = await sendWithRetry(app, connection, { event: 'stomp.messages', messages }, REFUSED);
  if (outcome === 'throttled') return 'refused';
  if (outcome !== 'sent') return await closeAfter(app, connection, outcome);
  noteAccepted(app, run, text);
  return 'done';
}

function noteAccepted(app: PumpApp, { connection }: Run, text: Addressed[]): void {
  for (const { hearer, message } of text) hearer.at = message.message.seq;
  const [first] = text;
  app.logger.metrics({ stompSent: text.length }, 'delivered', {
    ...logged(connection),
    channel: first?.hearer.subscription.channel,
    through: text.at(-1)?.message.message.seq,
  });
}

/**
 * A post that failed may have arrived: only a new connection can have each message once and in
 * order.
 */
async function closeAfter(
  app: PumpApp,
  connection: Run['connection'],
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
