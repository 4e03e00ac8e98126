/** Holds a history that a client is shown, over its connection or by a service, against the log and what is read. */
import type { Channel } from '../../../lambdas/protocol/channel.ts';
import { parseChannel } from '../../../lambdas/protocol/channel.ts';
import type { Invocation } from '../world/invocation.ts';
import type { Socket } from '../world/sockets.ts';
import type { Audience } from './audience.ts';
import type { Violated } from './judge.ts';
import type { Entry, Ledger } from './ledger.ts';
import type { Members } from './members.ts';
import type { Reads } from './reads.ts';

/** What was asked, by whom, and where the channel stood then. */
export interface AskedHistory {
  channel: string;
  before: number | undefined;
  limit: number;
  startedAt: number;
  clockOffsetMs: number;
  head: number;
  /** Committed, and not showing yet: a history may lack them. */
  hidden: ReadonlySet<number>;
}

export interface ShownHistory {
  channel: string;
  epoch: string;
  messages: { seq: number; id: string; read?: boolean }[];
  more: boolean;
  unread?: number;
}

/** The lowest and the highest seq after which a history may begin. */
interface Floor {
  least: number;
  most: number;
}

interface Facts {
  ledger: Ledger;
  reads: Reads;
  members: Members;
  audience: Audience;
}

const COMPLETE = 'a history is newest first and complete';

export class Histories {
  /** By invocation. */
  readonly #asked = new Map<number, AskedHistory>();
  readonly #facts: Facts;
  readonly #violated: Violated;

  constructor(facts: Facts, violated: Violated) {
    this.#facts = facts;
    this.#violated = violated;
  }

  invoked(invocation: Invocation, event: unknown): void {
    const asked = invocation.lambda === 'message' ? requestIn(event) : undefined;
    if (!asked) return;
    const { id, startedAt, clockOffsetMs } = invocation;
    this.#asked.set(id, { ...asked, ...this.standing(asked.channel), startedAt, clockOffsetMs });
  }

  /** Where a channel stands before it is looked at, by the head that shows. */
  standing(channel: string): Pick<AskedHistory, 'head' | 'hidden'> {
    const { ledger } = this.#facts;
    const { head } = ledger.channel(channel);
    const seqs = Array.from({ length: head }, (_none, index) => index + 1);
    return { head, hidden: new Set(seqs.filter((seq) => !ledger.entry(channel, seq))) };
  }

  /** A Lambda is about to post it. */
  posting({ id }: Invocation, socket: Socket | undefined, shown: ShownHistory): void {
    const asked = this.#asked.get(id);
    if (!asked || !socket) return;
    if (shown.channel !== asked.channel)
      this.#violated('a history is of the channel that was asked for', `${asked.channel}: ${shown.channel}`);
    const floor = this.#floorOf(socket, shown, asked.startedAt);
    if (floor) this.check(asked, shown, floor);
    else
      this.#violated(
        'nobody hears what is not theirs to hear',
        `${socket.userId}: history of ${shown.channel}`,
      );
  }

  finished({ id }: Invocation): void {
    this.#asked.delete(id);
  }

  check(asked: AskedHistory, shown: ShownHistory, floor: Floor = { least: 0, most: 0 }): void {
    if (this.#facts.ledger.channel(shown.channel).epoch !== shown.epoch) return;
    this.#checkMessages(asked, shown, floor);
    this.#checkWhole(asked, shown, floor);
    if (shown.channel.startsWith('user:')) this.#checkReads(asked, shown);
  }

  /** Undefined: the socket's user may not hear the channel. */
  #floorOf(socket: Socket, { channel, epoch }: ShownHistory, since: number): Floor | undefined {
    const { members, audience } = this.#facts;
    const { kind, topic = '' } = parseChannel(channel) as Channel & { topic?: string };
    if (kind !== 'topic' || audience.isPermitted(socket, channel))
      return kind === 'user' && channel !== `user:${socket.userId}` ? undefined : { least: 0, most: 0 };
    const floors = members.floors(topic, socket.userId, since);
    if (floors.length === 0) return undefined;
    const seqs = floors.map((floor) => (floor.epoch === epoch ? floor.seq : 0));
    return { least: Math.min(...seqs), most: Math.max(...seqs) };
  }

  #checkMessages(asked: AskedHistory, { channel, messages }: ShownHistory, { least }: Floor): void {
    const { before = Number.POSITIVE_INFINITY, limit, startedAt, clockOffsetMs } = asked;
    const isInOrder = messages.every(({ seq }, index) => seq < (messages[index - 1]?.seq ?? before));
    if (!isInOrder || messages.length > limit)
      this.#violated(COMPLETE, `${channel} before ${before}: ${messages.map(({ seq }) => seq)}`);
    for (const { seq, id } of messages) {
      const entry = this.#facts.ledger.entry(channel, seq);
      if (entry?.id !== id)
        this.#violated('what is sent is what is stored', `${channel}: seq ${seq} as ${id}, is ${entry?.id}`);
      if (entry?.withdraws) this.#violated(COMPLETE, `${channel}: seq ${seq} is a withdrawal`);
      if ((entry?.withdrawnAt ?? Number.POSITIVE_INFINITY) <= startedAt)
        this.#violated('nothing withdrawn is sent', `${channel}: seq ${seq} in a history`);
      if (seq <= least)
        this.#violated('a member hears nothing of before joining', `${channel}: ${seq}, joined at ${least}`);
      if (entry && entry.expiresAt + 1000 <= startedAt + clockOffsetMs)
        this.#violated('nothing expired is sent', `${channel}: seq ${seq} in a history`);
    }
  }

  /** Down to the last that is shown, or to the first of all where there are no more. */
  #checkWhole(
    { before, head, hidden }: AskedHistory,
    { channel, messages, more }: ShownHistory,
    { most }: Floor,
  ): void {
    const { ledger } = this.#facts;
    if (more && messages.length === 0) this.#violated(COMPLETE, `${channel}: more, and nothing shown`);
    const shown = new Set(messages.map(({ seq }) => seq));
    const last = more ? (messages.at(-1)?.seq ?? 0) : most + 1;
    for (let seq = Math.min(head, (before ?? head + 1) - 1); seq >= last; seq--) {
      const entry = ledger.entry(channel, seq);
      if (shown.has(seq) || hidden.has(seq) || seq <= most || !entry || !isShowable(entry)) continue;
      if (ledger.hasExpired(entry)) continue;
      this.#violated(COMPLETE, `${channel} before ${before}, more ${more}: ${seq} is missing`);
    }
  }

  /** One of the states that stood meanwhile says which are read, and how many are not. */
  #checkReads(
    { startedAt, head, hidden }: AskedHistory,
    { channel, messages, unread = -1 }: ShownHistory,
  ): void {
    const { ledger, reads } = this.#facts;
    const userId = channel.slice('user:'.length);
    const entries = [...ledger.channel(channel).entries.values()];
    const isFitting = (read: ReadonlySet<number>) => {
      const certain = entries.filter(
        (entry) =>
          isUnread(read, entry) &&
          isShowable(entry) &&
          entry.seq <= head &&
          !hidden.has(entry.seq) &&
          !ledger.hasExpired(entry),
      );
      const possible = entries.filter(
        (entry) =>
          isUnread(read, entry) &&
          entry.withdraws === undefined &&
          (entry.withdrawnAt ?? Number.POSITIVE_INFINITY) > startedAt &&
          entry.expiresAt > startedAt - TOLERANCE_MS,
      );
      const isCounted = unread >= certain.length && unread <= possible.length;
      return isCounted && messages.every((message) => message.read === read.has(message.seq));
    };
    if (reads.statesSince(userId, startedAt).some(isFitting)) return;
    const shown = messages.map((message) => `${message.seq}${message.read ? ' read' : ''}`);
    this.#violated('a history says what is read', `${userId}: ${shown}; ${unread} unread`);
  }
}

/** The Lambdas' clocks are wrong by at most 5 s. */
const TOLERANCE_MS = 7000;

const isUnread = (read: ReadonlySet<number>, { seq }: Entry): boolean => !read.has(seq);

/** A history may lack what was withdrawn while it was read, and never shows a withdrawal. */
const isShowable = ({ withdrawnAt, withdraws }: Entry): boolean =>
  withdrawnAt === undefined && withdraws === undefined;

function requestIn(event: unknown): Pick<AskedHistory, 'channel' | 'before' | 'limit'> | undefined {
  const { body, requestContext } = event as {
    body?: string;
    requestContext: { authorizer: { userId: string } };
  };
  try {
    const {
      action,
      channel = `user:${requestContext.authorizer.userId}`,
      before,
      limit = 20,
    } = JSON.parse(body ?? '');
    return action === 'history' ? { channel, before, limit } : undefined;
  } catch {
    return undefined;
  }
}
